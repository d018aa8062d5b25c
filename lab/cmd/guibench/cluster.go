package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// cluster is what lvsd answers (doc/api.md) for many servers.
type cluster struct {
	Version  int       `json:"version"`
	Pid      int       `json:"pid"`
	SerialNo int       `json:"serial_no"`
	Active   bool      `json:"active"`
	InStep   bool      `json:"in_step"`
	Virtual  []virtual `json:"virtual_servers"`

	random  *rand.Rand
	seconds int
}

type virtual struct {
	Name      string   `json:"name"`
	Service   string   `json:"service"`
	Scheduler string   `json:"scheduler"`
	Traffic   *traffic `json:"traffic"`
	Real      []real   `json:"real_servers"`
}

type real struct {
	Name    string    `json:"name"`
	Address string    `json:"address"`
	State   string    `json:"state"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since"`
	Weight  int       `json:"weight"`
	Now     int       `json:"weight_now"`
	Present bool      `json:"present"`
	Pid     int       `json:"monitor_pid"`
	Check   check     `json:"last_check"`
	Traffic *traffic  `json:"traffic"`
}

type check struct {
	Time     time.Time `json:"time"`
	Duration float64   `json:"duration"`
	Reason   string    `json:"reason,omitempty"`
}

type traffic struct {
	Active      int   `json:"active_connections"`
	Inactive    int   `json:"inactive_connections"`
	Connections int   `json:"connections"`
	Rates       rates `json:"rates"`
}

type rates struct {
	Connections float64 `json:"connections"`
	InBytes     float64 `json:"in_bytes"`
	OutBytes    float64 `json:"out_bytes"`
}

// newCluster has some servers that are down, in every run the same.
func newCluster(virtuals, reals int) *cluster {
	c := &cluster{Version: 1, Pid: 812, SerialNo: 42, Active: true, InStep: true, random: rand.New(rand.NewPCG(1, 2))}
	since := time.Now().Add(-26 * time.Hour)
	for i := range virtuals {
		v := virtual{Name: fmt.Sprintf("service-%d", i+1), Service: fmt.Sprintf("-t 192.0.2.%d:80", i+1), Scheduler: "wlc", Traffic: &traffic{}}
		for j := range reals {
			v.Real = append(v.Real, real{
				Name: fmt.Sprintf("server-%d", j+1), Address: fmt.Sprintf("10.11.%d.%d:80", i, j+1), State: "up", Since: since, Weight: 1, Now: 1, Present: true,
				Pid: 1000 + i*reals + j, Traffic: &traffic{Active: c.random.IntN(900), Inactive: c.random.IntN(300)},
			})
			if c.random.IntN(33) == 0 {
				v.Real[j].set(false)
			}
		}
		c.Virtual = append(c.Virtual, v)
	}
	c.second()
	return c
}

// set takes a server out of the kernel's table or puts it there.
func (r *real) set(up bool) {
	if r.State, r.Reason, r.Now, r.Present = "up", "", r.Weight, up; !up {
		r.State, r.Reason, r.Now = "down", "connect: connection refused", 0
	}
	r.Check.Reason = r.Reason
}

// second is what happens in a second: all figures change, every server is checked, and now and then one dies or comes back.
func (c *cluster) second() {
	now := time.Now()
	for i := range c.Virtual {
		v := &c.Virtual[i]
		*v.Traffic = traffic{}
		for j := range v.Real {
			r := &v.Real[j]
			t := r.Traffic
			rate := c.random.Float64() * 200
			if !r.Present {
				rate = 0
			}
			t.Active, t.Inactive, t.Connections = max(0, t.Active+c.random.IntN(21)-10), max(0, t.Inactive+c.random.IntN(21)-10), t.Connections+int(rate)
			t.Rates = rates{Connections: rate, InBytes: rate * 900, OutBytes: rate * 8100}
			r.Check.Time, r.Check.Duration = now, c.random.Float64()/100
			v.Traffic.Active, v.Traffic.Inactive, v.Traffic.Connections = v.Traffic.Active+t.Active, v.Traffic.Inactive+t.Inactive, v.Traffic.Connections+t.Connections
			v.Traffic.Rates.Connections += rate
		}
	}
	if c.seconds++; c.seconds%10 != 0 {
		return
	}
	servers := c.Virtual[c.random.IntN(len(c.Virtual))].Real
	r := &servers[c.random.IntN(len(servers))]
	r.Since = now
	r.set(!r.Present)
}

// config is the lvs.cf of the cluster.
func (c *cluster) config() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "serial_no = %d\nprimary = 192.0.2.251\nservice = lvs\nnetwork = direct\n", c.SerialNo)
	for i, v := range c.Virtual {
		fmt.Fprintf(&b, "virtual %s {\n     active = 1\n     address = 192.0.2.%d eth0:%d\n     port = 80\n     scheduler = wlc\n", v.Name, i+1, i+1)
		for j, r := range v.Real {
			fmt.Fprintf(&b, "     server %s {\n         address = 10.11.%d.%d\n         active = 1\n         weight = 1\n     }\n", r.Name, i, j+1)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// daemons are sockets that answer as pulse's and lvsd's, each second something else.
type daemons struct {
	status  atomic.Pointer[[]byte] // lvsd's, as text: what making it costs is not the page's
	servers []*http.Server
	done    chan struct{}
}

func serveDaemons(dir string, c *cluster) (*daemons, error) {
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "lvs.cf"), c.config(), 0o600); err != nil {
		return nil, err
	}
	d := &daemons{done: make(chan struct{})}
	if err := d.encode(c); err != nil {
		return nil, err
	}
	pulse := fmt.Appendf(nil, `{"version":1,"pid":811,"role":"primary","state":"active","lvsd_pid":812,"serial_no":%d,"partner":{"health":"unknown"}}`, c.SerialNo)
	err := d.answer(filepath.Join(run, "pulse.sock"), func() []byte { return pulse })
	if err == nil {
		err = d.answer(filepath.Join(run, "lvs.sock"), func() []byte { return *d.status.Load() })
	}
	if err != nil {
		d.stop()
		return nil, err
	}
	go d.live(c)
	return d, nil
}

func (d *daemons) answer(socket string, text func() []byte) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text()) // who has gone misses it
	})}
	d.servers = append(d.servers, server)
	go func() { _ = server.Serve(l) }()
	return nil
}

func (d *daemons) encode(c *cluster) error {
	text, err := json.Marshal(c)
	d.status.Store(&text)
	return err
}

// live lets the seconds pass.
func (d *daemons) live(c *cluster) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-d.done:
			return
		case <-tick.C:
			c.second()
			if err := d.encode(c); err != nil {
				panic(err) // nothing of it can fail to be encoded
			}
		}
	}
}

func (d *daemons) stop() {
	close(d.done)
	for _, s := range d.servers {
		_ = s.Close()
	}
}
