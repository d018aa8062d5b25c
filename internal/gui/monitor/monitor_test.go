package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// TestFields: every field that is read here is one that the daemons write, of the same kind.
func TestFields(t *testing.T) {
	check(t, reflect.TypeFor[PulseStatus](), reflect.TypeFor[pulse.Status]())
	check(t, reflect.TypeFor[LvsdStatus](), reflect.TypeFor[lvs.Status]())
}

// check compares the JSON names of ours with theirs.
func check(t *testing.T, ours, theirs reflect.Type) {
	t.Helper()
	for ours.Kind() == reflect.Pointer || ours.Kind() == reflect.Slice {
		ours = ours.Elem()
	}
	for theirs.Kind() == reflect.Pointer || theirs.Kind() == reflect.Slice {
		theirs = theirs.Elem()
	}
	if ours.Kind() != reflect.Struct || ours == reflect.TypeFor[time.Time]() {
		return
	}
	written := map[string]reflect.Type{}
	for i := range theirs.NumField() {
		name, _, _ := strings.Cut(theirs.Field(i).Tag.Get("json"), ",")
		written[name] = theirs.Field(i).Type
	}
	for i := range ours.NumField() {
		f := ours.Field(i)
		other, ok := written[f.Tag.Get("json")]
		if !ok {
			t.Errorf("%s: the daemons write no %q", ours, f.Tag.Get("json"))
			continue
		}
		check(t, f.Type, other)
	}
}

func config(t *testing.T, text string) *lvscf.Config {
	t.Helper()
	d, err := lvscf.Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, _ := d.Config(lvscf.Lookup{})
	return cfg
}

const pair = `serial_no = 42
primary = 192.0.2.11
primary_private = 10.0.0.11
backup = 192.0.2.12
backup_active = 1
heartbeat = 1
keepalive = 6
deadtime = 18
virtual web {
  active = 1
  address = 192.0.2.100 eth0:1
  sorry_server = 10.0.0.250
}
virtual off {
  active = 0
  fwmark = 100
}
`

// decode reads a status as a daemon writes it.
func decode[T any](t *testing.T, text string) Answer[T] {
	t.Helper()
	s := new(T)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return Answer[T]{Status: s, At: now.Add(-time.Second)}
}

const pulseText = `{"pid": 10, "role": "primary", "state": "active", "since": "2026-11-21T10:00:00Z", "lvsd_pid": 11, "serial_no": 42, "addresses": ["192.0.2.100"],
  "servers": {"up": 1, "configured": 2},
  "partner": {"health": "alive", "state": "inactive", "serial_no": 42, "same_config": true, "public_heard_ago": 2, "private_heard_ago": null}}`

func lvsdText(servers string) string {
	return `{"pid": 11, "serial_no": 42, "active": true, "in_step": true, "virtual_servers": [{"name": "web", "service": "-t 192.0.2.100:80", "scheduler": "wlc",
	  "real_servers": [` + servers + `]}]}`
}

const (
	up       = `{"name": "a", "state": "up", "weight": 1, "weight_now": 1, "present": true, "last_check": {"duration": 0.004}}`
	down     = `{"name": "b", "state": "down", "reason": "connection refused", "weight": 2}`
	checking = `{"name": "c", "state": "checking", "weight": 1}`
	drained  = `{"name": "d", "state": "up", "order": "drain", "weight": 1, "present": true}`
	maint    = `{"name": "e", "state": "down", "reason": "no answer", "order": "maint", "weight": 1}`
	unseen   = `{"name": "f", "state": "up", "not_checked": true, "load": "load 0.5", "weight_order": 7}`
)

func TestServices(t *testing.T) {
	tests := []struct {
		servers string
		state   State
		reason  string
		first   string // state and reason of the first real server
	}{
		{up, State{"up", "up"}, "1 of 1 real server up", "up: last check passed in 4.0 ms"},
		{up + "," + down, State{"warn", "degraded"}, "1 of 2 real servers up, 1 down", "down: connection refused"},
		{down, State{"down", "down"}, "No real server is up; the sorry server 10.0.0.250 answers", "down: connection refused"},
		{down + "," + maint, State{"down", "down"}, "No real server is up; the sorry server 10.0.0.250 answers; 1 taken out by an operator", "down: connection refused"},
		{"", State{"down", "down"}, "It has no active real server.", ""},
		{checking, State{"off", "checking"}, "0 of 1 real server up, 1 not checked yet", "checking: "},
		{checking + "," + down, State{"off", "checking"}, "0 of 2 real servers up, 1 down, 1 not checked yet", "down: connection refused"},
		{up + "," + drained, State{"hold", "up in part"}, "1 of 2 real servers up, 1 taken out by an operator",
			"draining: An operator lets it drain: no new connections; it is up"},
		{up + "," + maint, State{"hold", "up in part"}, "1 of 2 real servers up, 1 taken out by an operator",
			"maintenance: An operator keeps it out of service; it is down: no answer"},
		{unseen, State{"up", "up"}, "1 of 1 real server up", "up: not checked: lvs.cf says so; load 0.5; weight 7 by an operator"},
	}
	for _, tt := range tests {
		v := Build(Input{Pulse: decode[PulseStatus](t, pulseText), Lvsd: decode[LvsdStatus](t, lvsdText(tt.servers)), Config: config(t, pair), Now: now})
		s := v.Services[0]
		if s.State != tt.state || s.Reason != tt.reason || s.Where != "192.0.2.100:80 tcp" {
			t.Errorf("%s:\n%v %q %s, want %v %q", tt.servers, s.State, s.Reason, s.Where, tt.state, tt.reason)
		}
		if tt.first != "" && s.Servers[0].Word+": "+s.Servers[0].Reason != tt.first {
			t.Errorf("%s: first %s: %s, want %s", tt.servers, s.Servers[0].Word, s.Servers[0].Reason, tt.first)
		}
		if last := v.Services[len(v.Services)-1]; last.Name != "off" || !last.Inactive() || last.Where != "firewall mark 100" {
			t.Errorf("last = %+v", last)
		}
	}
}

// TestStale: nothing is shown as good when the daemon that said so no longer answers.
func TestStale(t *testing.T) {
	failed := errors.New("no answer")
	p, l := decode[PulseStatus](t, pulseText), decode[LvsdStatus](t, lvsdText(up+","+down))
	for _, in := range []Input{
		{Pulse: Answer[PulseStatus]{Status: p.Status, At: p.At, Err: failed}, Lvsd: Answer[LvsdStatus]{Status: l.Status, At: l.At, Err: failed}},
		{Pulse: Answer[PulseStatus]{Err: failed, Gone: true}, Lvsd: Answer[LvsdStatus]{Err: failed, Gone: true}},
	} {
		in.Config, in.Now, in.Host = config(t, pair), now, "lb1"
		v := Build(in)
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"Class":"up"`) {
			t.Errorf("something is shown as good:\n%s", text)
		}
		if !v.Stale || len(v.Notes) == 0 || len(v.Processes) != 0 {
			t.Errorf("stale %v, notes %v, processes %v", v.Stale, v.Notes, v.Processes)
		}
	}
	v := Build(Input{Pulse: p, Lvsd: Answer[LvsdStatus]{Status: l.Status, At: l.At, Err: failed}, Config: config(t, pair), Now: now})
	if s := v.Services[0]; s.State != (State{"off", "was degraded"}) || s.Servers[1].Word != "was up" {
		t.Errorf("services = %+v", v.Services[0])
	}
}

func TestCluster(t *testing.T) {
	change := func(from, to string) Answer[PulseStatus] {
		return decode[PulseStatus](t, strings.Replace(pulseText, from, to, 1))
	}
	tests := []struct {
		name  string
		pulse Answer[PulseStatus]
		tag   State // of the other router
		beat  State
		note  string
	}{
		{"as it should be", change("", ""), State{"off", "standby"}, State{"up", "heard"}, ""},
		{"late", change(`"public_heard_ago": 2`, `"public_heard_ago": 12`), State{"off", "standby"}, State{"warn", "late"}, ""},
		{"dead", change(`"alive"`, `"dead"`), State{"off", "not known"}, State{"down", "silent"}, "The other router is silent."},
		{"left", change(`"alive"`, `"left"`), State{"off", "not known"}, State{"off", "it said farewell"}, ""},
		{"never", change(`"alive", "state": "inactive", "serial_no": 42, "same_config": true, "public_heard_ago": 2`, `"unknown", "public_heard_ago": null`),
			State{"off", "not known"}, State{"off", "never heard"}, ""},
		{"both", change(`"state": "inactive"`, `"state": "active"`), State{"up", "active"}, State{"up", "heard"}, "Both routers are active."},
		{"neither", change(`"state": "active"`, `"state": "inactive"`), State{"off", "standby"}, State{"up", "heard"}, "Neither router is active."},
		{"other file", change(`"same_config": true`, `"same_config": false`), State{"off", "standby"}, State{"up", "heard"}, "means something else than the one here"},
		{"file not in force", change(`"serial_no": 42`, `"serial_no": 41`), State{"off", "standby"}, State{"up", "heard"}, "lvs.cf has serial 42, in force is serial 41"},
		{"refused reload", change(`"pid": 10`, `"config_error": "line 3"`), State{"off", "standby"}, State{"up", "heard"}, "The last reload was refused"},
		{"link", change(`"pid": 10`, `"lost_links": ["public"]`), State{"off", "standby"}, State{"up", "heard"}, "No link on the device of the public channel."},
		{"standby", change(`"pid": 10`, `"standby": true`), State{"off", "standby"}, State{"up", "heard"}, "piranhactl resume"},
	}
	for _, tt := range tests {
		v := Build(Input{Pulse: tt.pulse, Lvsd: decode[LvsdStatus](t, lvsdText(up)), Config: config(t, pair), Host: "lb1", Now: now})
		var notes []string
		for _, n := range v.Notes {
			notes = append(notes, n.Text)
		}
		other := v.Cluster.Nodes[1]
		if other.Tag != tt.tag || v.Cluster.Beat.State != tt.beat || tt.note == "" && len(notes) > 0 || !strings.Contains(strings.Join(notes, "\n"), tt.note) {
			t.Errorf("%s: %v, %v, notes %q", tt.name, other.Tag, v.Cluster.Beat.State, notes)
		}
		if other.Address != "192.0.2.12" || other.Role != "backup" || v.Cluster.Nodes[0].Private != "10.0.0.11" {
			t.Errorf("%s: nodes %+v", tt.name, v.Cluster.Nodes)
		}
	}
	alone := Build(Input{Pulse: decode[PulseStatus](t, `{"role": "primary", "state": "active", "serial_no": 1, "partner": {"health": "unknown"}}`),
		Config: config(t, "serial_no = 1\nprimary = 192.0.2.1\n"), Now: now})
	if len(alone.Cluster.Nodes) != 1 || alone.Cluster.Beat != nil {
		t.Errorf("a router alone: %+v", alone.Cluster)
	}
}

func TestEmpty(t *testing.T) {
	v := Build(Input{Now: now})
	if len(v.Services) != 0 || len(v.Cluster.Nodes) != 2 {
		t.Errorf("view of nothing = %+v", v)
	}
}

func TestFormatTable(t *testing.T) {
	in := `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000264:0050 wlc persistent 60 FFFFFFFF
  -> 0A0B0C15:1F90      Masq    2      158        610
UDP  C0000266:0035 rr ops
FWM  00000064 lc persistent 1800 FFFFFF00
  -> 0A0B0C1F:0000      Route   1      0          0
TCP  [2001:0db8:0000:0000:0000:0000:0000:0100]:01BB mh
  -> [2001:0db8:0012:0000:0000:0000:0000:0021]:20FB      Tunnel  4      371        1022
junk
`
	want := `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.100:80 wlc persistent 60
  -> 10.11.12.21:8080             Masq    2      158        610       
UDP  192.0.2.102:53 rr ops
FWM  100 lc persistent 1800 mask 255.255.255.0
  -> 10.11.12.31:0                Route   1      0          0         
TCP  [2001:db8::100]:443 mh
  -> [2001:db8:12::21]:8443       Tunnel  4      371        1022      
junk
`
	got, err := formatTable(strings.NewReader(in))
	if got != want || err != nil {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// TestEvents: both daemons' events in one list; what one has said stays when it is gone.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	answer := func(daemon string, minutes ...int) func() {
		l, err := net.Listen("unix", filepath.Join(dir, daemon+".sock"))
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RequestURI() != "/v1/events?follow=0&last=12" {
				t.Errorf("asked for %s", r.URL.RequestURI())
			}
			for _, m := range minutes {
				fmt.Fprintf(w, "id: x\ndata: {\"time\":%q,\"type\":\"server_down\",\"text\":\"%s %s\"}\n\n", noon.Add(time.Duration(m)*time.Minute).Format(time.RFC3339), daemon, strings.Repeat("x", 400))
			}
		})}
		go func() { _ = server.Serve(l) }()
		return func() { server.Close() }
	}
	stopPulse, stopLvsd := answer("pulse", 1, 5), answer("lvs", 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14)
	defer stopLvsd()
	s := NewSource(dir)
	for range 2 {
		list := s.Events(t.Context())
		if len(list) != 12 || list[0].Daemon != "lvsd" || !list[0].Time.Equal(noon.Add(14*time.Minute)) || list[9].Daemon != "pulse" || list[0].Class != "down" || list[0].Word != "server down" || len(list[0].Text) > 310 {
			t.Errorf("events: %+v", list)
		}
		stopPulse()
		s.pulseEvents.tried = time.Time{} // it is asked again
	}
}
