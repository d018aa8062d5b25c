package gui

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// daemon answers as one of the site's daemons would.
func (s *site) daemon(name string, status any) {
	s.t.Helper()
	s.socket(name, func(w http.ResponseWriter, _ *http.Request) { control.Reply(w, http.StatusOK, status) })
}

// socket answers calls as one of the site's daemons would.
func (s *site) socket(name string, answer http.HandlerFunc) {
	s.t.Helper()
	if err := os.MkdirAll(s.path("run"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	l, err := net.Listen("unix", s.path("run/"+name+".sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		control.Serve(ctx, l, answer)
	}()
	s.t.Cleanup(func() { cancel(); <-done })
}

// cluster is a status of lvsd with that many virtual servers of that many real servers.
func cluster(virtual, real int) monitor.LvsdStatus {
	st := monitor.LvsdStatus{Pid: 11, SerialNo: 42, Active: true, InStep: true}
	for i := range virtual {
		vs := monitor.VirtualStatus{Name: fmt.Sprintf("service%d", i), Service: fmt.Sprintf("-t 192.0.2.%d:80", i), Scheduler: "wlc"}
		for j := range real {
			r := monitor.RealStatus{Name: fmt.Sprintf("real%d", j), Address: fmt.Sprintf("10.0.%d.%d:80", i, j), State: "up", Weight: 1, Now: 1, Present: true, Pid: 1000 + i*real + j}
			r.LastCheck = &monitor.Check{Duration: 0.0042}
			r.Traffic = &monitor.Traffic{Active: uint32(i*j) % 977, Inactive: uint32(i+j) % 341, Rates: &monitor.Rates{Connections: float64(i*7+j) / 3}}
			if (i*real+j)%97 == 5 {
				r.State, r.Now, r.Reason = "down", 0, "connection refused"
			}
			vs.Real = append(vs.Real, r)
		}
		st.Virtual = append(st.Virtual, vs)
	}
	return st
}

var pulseStatus = monitor.PulseStatus{Pid: 10, Role: "primary", State: "active", SerialNo: 42, LvsdPid: 11, Partner: monitor.Partner{Health: "unknown"}}

func TestControl(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("piranha")
	b.get("/control").want(t, "without daemons", http.StatusOK, "pulse does not run", "lvsd does not run", "There are no figures", `<span class="st down">stopped</span>`)

	st := cluster(2, 3)
	st.Virtual[0].Name = `<script>alert(1)</script>`
	st.Virtual[0].Real[0].Name = `"><img src=x onerror=alert(1)>`
	st.Virtual[0].Real[1].State, st.Virtual[0].Real[1].Reason = "down", `</small><script>alert(2)</script>`
	s = newSite(t)
	s.daemon("pulse", pulseStatus)
	s.daemon("lvs", st)
	b = s.signedIn("viewer")
	a := b.get("/control")
	a.want(t, "with daemons", http.StatusOK, `<span class="st up">running</span>`, "service1", "192.0.2.1:80 tcp, wlc", "<b>4</b> of 6 up", "2</b> of 2 active need attention",
		"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;/small&gt;&lt;script&gt;alert(2)", `1 / 1`, "lvsd     the kernel&#39;s table")
	for _, bad := range []string{"<script>", "<img"} {
		if strings.Contains(a.body, bad) {
			t.Errorf("the page has %s of a name or reason", bad)
		}
	}
	if strings.Contains(a.body, `http-equiv="refresh"`) {
		t.Error("the page updates itself unasked")
	}
	for query, want := range map[string]string{
		"auto_update=1&rate=30": "30", "auto_update=1&rate=": "10", "auto_update=1&rate=1": "2", "auto_update=1&rate=-5": "2",
		"auto_update=1&rate=99999999999999999999": "10", "auto_update=1&rate=99999": "3600", "auto_update=1&rate=<script>": "10",
	} {
		b.get("/control?"+query).want(t, query, http.StatusOK, `<meta http-equiv="refresh" content="`+want+`">`)
	}
	a = b.get("/control?show=inactive")
	a.want(t, "filter", http.StatusOK, `aria-current="true">Inactive <span id="chip-3">0</span>`, "None of these.")
	b.get(`/control?show="><script>`).want(t, "forged filter", http.StatusOK, "None of these.")
	s.write("lvs.cf", "virtual {{{")
	b.get("/control").want(t, "lvs.cf is broken", http.StatusOK, "service1")
	if err := os.Remove(s.path("lvs.cf")); err != nil {
		t.Fatal(err)
	}
	b.get("/control").want(t, "lvs.cf is missing", http.StatusOK, "service1", "lvs.cf cannot be read")
}

// TestControlSize: the page of a large cluster is sent compressed.
func TestControlSize(t *testing.T) {
	s := newSite(t)
	s.daemon("pulse", pulseStatus)
	s.daemon("lvs", cluster(100, 20))
	b := s.signedIn("piranha")
	a := b.do(http.MethodGet, "/control", nil, "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" || len(a.body) > 150_000 {
		t.Errorf("%s, %d bytes", a.header.Get("Content-Encoding"), len(a.body))
	}
	t.Logf("%d bytes compressed", len(a.body))
}

// BenchmarkControl renders the page of 100 virtual servers with 20 real servers each.
func BenchmarkControl(b *testing.B) {
	s := newSite(b)
	s.daemon("pulse", pulseStatus)
	s.daemon("lvs", cluster(100, 20))
	page := s.signedIn("piranha")
	for b.Loop() {
		if a := page.do(http.MethodGet, "/control", nil, "Accept-Encoding", "gzip"); a.status != http.StatusOK {
			b.Fatal(a.status)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate, br": true, "deflate, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false, "br": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("acceptsGzip(%q) = %v", header, got)
		}
	}
}
