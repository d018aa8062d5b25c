package browser

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// daemons answer on the sockets of pulse and lvsd as those do (doc/api.md): for a cluster of some servers, of which some are
// down. They take orders.
type daemons struct {
	lvscf    string
	stopLvsd func()

	mu     sync.Mutex
	pulse  map[string]any
	lvsd   map[string]any
	server map[string]map[string]any // by virtual and real server
	orders []string
}

func newDaemons(t *testing.T, runDir, lvscf string) *daemons {
	t.Helper()
	d := &daemons{lvscf: lvscf, server: map[string]map[string]any{}}
	since := time.Now().Add(-26 * time.Hour)
	d.pulse = map[string]any{
		"version": 1, "pid": 811, "role": "primary", "state": "active", "since": since, "lvsd_pid": 812, "serial_no": d.serial(), "config_loaded": since,
		"config_tried": since, "servers": map[string]int{"up": 5, "configured": 7}, "addresses": []string{"192.0.2.100", "192.0.2.101"}, "lost_links": []string{},
		"partner": map[string]any{
			"health": "alive", "state": "inactive", "since": since, "serial_no": d.serial(), "same_config": true,
			"servers": map[string]int{"up": 5, "configured": 7}, "public_heard_ago": 0.4, "private_heard_ago": 0.3,
		},
	}
	d.lvsd = map[string]any{
		"version": 1, "pid": 812, "serial_no": d.serial(), "active": true, "in_step": true,
		"virtual_servers": []any{
			d.virtual("web", "-t 192.0.2.100:80", "up", "up", "down", "up"),
			d.virtual("smtp", "-t 192.0.2.101:25", "down", "down"),
			d.virtual("dns", "-u 192.0.2.100:53", "up"),
		},
	}
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		t.Fatal(err)
	}
	serve(t, filepath.Join(runDir, "pulse.sock"), d.answerPulse)
	d.stopLvsd = serve(t, filepath.Join(runDir, "lvs.sock"), d.answerLvsd)
	return d
}

// serve answers until the test ends, or the server is told to stop.
func serve(t *testing.T, socket string, h http.HandlerFunc) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	stop = func() { _ = server.Close() }
	t.Cleanup(stop)
	return stop
}

func (d *daemons) virtual(name, service string, states ...string) map[string]any {
	var servers []any
	for i, state := range states {
		rs := map[string]any{
			"name": fmt.Sprintf("%s%d", name, i+1), "address": fmt.Sprintf("10.11.12.%d:80", len(d.server)+11), "state": state, "since": time.Now().Add(-3 * time.Hour),
			"weight": 1 + i, "weight_now": 1 + i, "present": state == "up", "monitor_pid": 900 + len(d.server),
			"last_check": map[string]any{"time": time.Now(), "duration": 0.0042}, "traffic": traffic(40*i+7, 12*i+3, float64(3*i)+1.5),
		}
		if state == "down" {
			rs["reason"], rs["weight_now"], rs["traffic"] = "connect: connection refused", 0, nil
			rs["last_check"] = map[string]any{"time": time.Now(), "duration": 0.0007, "reason": rs["reason"]}
		}
		d.server[name+" "+rs["name"].(string)] = rs
		servers = append(servers, rs)
	}
	return map[string]any{"name": name, "service": service, "scheduler": "wlc", "traffic": traffic(90, 30, 42), "real_servers": servers}
}

func traffic(active, inactive int, rate float64) map[string]any {
	return map[string]any{
		"active_connections": active, "inactive_connections": inactive, "connections": 123456,
		"rates": map[string]float64{"connections": rate, "in_bytes": rate * 9000, "out_bytes": rate * 81000},
	}
}

// serial is the file's.
func (d *daemons) serial() int {
	text, _ := os.ReadFile(d.lvscf)
	n := 0
	if m := regexp.MustCompile(`(?m)^serial_no = (\d+)$`).FindSubmatch(text); m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	return n
}

func (d *daemons) answerPulse(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.URL.Path == "/v1/events":
		event(w, "pulse", 0, "state", "this router is active", 26*time.Hour)
		return
	case r.Method == http.MethodGet:
		reply(w, http.StatusOK, d.pulse)
		return
	}
	d.orders = append(d.orders, r.URL.RequestURI())
	switch r.URL.Path {
	case "/v1/reload":
		d.pulse["serial_no"], d.lvsd["serial_no"] = d.serial(), d.serial()
		d.pulse["config_tried"], d.pulse["config_loaded"] = time.Now(), time.Now()
	case "/v1/switchover":
		d.pulse["state"] = "inactive"
		d.pulse["partner"].(map[string]any)["state"] = "active"
	}
	reply(w, http.StatusAccepted, map[string]string{})
}

func (d *daemons) answerLvsd(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.URL.Path == "/v1/events":
		event(w, "lvsd", 1, "server_up", "web web4 is up after 2m10s", 5*time.Hour)
		event(w, "lvsd", 2, "server_down", "web web3 is down after 21h: connect: connection refused", 3*time.Hour)
		event(w, "lvsd", 3, "service_down", "smtp has no real server any more", 3*time.Hour)
	case r.URL.Path == "/v1/history":
		rs := d.server[r.FormValue("virtual")+" "+r.FormValue("server")]
		reply(w, http.StatusOK, []any{map[string]any{"results": []any{rs["last_check"]}}})
	case r.Method == http.MethodGet:
		reply(w, http.StatusOK, d.lvsd)
	default:
		d.orders = append(d.orders, r.URL.RequestURI())
		d.obey(r.URL.Path, r.FormValue("virtual"), r.FormValue("server"))
		reply(w, http.StatusOK, map[string]int{"writes": 1})
	}
}

// obey carries out an order.
func (d *daemons) obey(call, virtual, server string) {
	rs := d.server[virtual+" "+server]
	switch call {
	case "/v1/drain":
		rs["order"], rs["weight_now"] = "drain", 0
	case "/v1/maint":
		rs["order"], rs["weight_now"], rs["present"] = "maint", 0, false
	case "/v1/ready":
		delete(rs, "order")
		rs["weight_now"], rs["present"] = rs["weight"], true
	}
}

// order is what somebody else orders, with piranhactl.
func (d *daemons) order(call, virtual, server string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.obey(call, virtual, server)
}

// event writes one as a daemon does.
func event(w http.ResponseWriter, daemon string, n int, kind, text string, ago time.Duration) {
	data, _ := json.Marshal(map[string]any{"id": fmt.Sprintf("%s-x-%d", daemon, n), "time": time.Now().Add(-ago), "type": kind, "text": text})
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, data)
}

// connections gives a real server that many.
func (d *daemons) connections(virtual, server string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.server[virtual+" "+server]["traffic"] = traffic(n, 5, 7)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
