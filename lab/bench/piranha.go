package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// piranha is this suite: pulse on both routers, which runs lvsd, which runs a nanny for each real server.
type piranha struct {
	bin     string
	setting Setting
}

const piranhaConf = `primary = 192.0.2.1
backup = 192.0.2.2
backup_active = 1
heartbeat = 1
keepalive = %dms
deadtime = %dms
network = nat
nat_router = %s eth1:1
nat_nmask = 255.255.255.0
virtual web {
	active = 1
	address = %s eth0:1
	vip_nmask = 255.255.255.0
	port = 80
	scheduler = rr
	send = "GET / HTTP/1.0\r\n\r\n"
	expect = "HTTP/1.0 200"
	timeout = 1
	reentry = 1
%s}
`

const piranhaReal = `	server real%d {
		address = %s
		active = 1
	}
`

// conf is the lvs.cf of both routers.
func (p piranha) conf() string {
	s := p.setting
	return fmt.Sprintf(piranhaConf, s.Keepalive.Milliseconds(), s.Deadtime.Milliseconds(), topology.NATRouter, topology.VIP, realServers(piranhaReal))
}

func (p piranha) name() string { return Piranha }

func (p piranha) took() string { return ": activating lvs" }

func (p piranha) file(r *router) string { return filepath.Join(r.dir, "lvs.cf") }

func (p piranha) configure(r *router) error {
	return os.WriteFile(p.file(r), []byte(p.conf()), 0o644)
}

func (p piranha) argv(r *router) []string {
	return []string{
		filepath.Join(p.bin, "pulse"), "-n", "-c", p.file(r), "--lvsd=" + filepath.Join(p.bin, "lvs"),
		"--nanny=" + filepath.Join(p.bin, "nanny"), "--run-dir=" + r.run, "--state-dir=" + r.dir,
	}
}

// pulseStatus and lvsdStatus are the parts of the answers (doc/api.md) that the bench wants.
type pulseStatus struct {
	State   string `json:"state"`
	Partner struct {
		Health string `json:"health"`
		State  string `json:"state"`
	} `json:"partner"`
}

type lvsdStatus struct {
	InStep         bool `json:"in_step"`
	VirtualServers []struct {
		RealServers []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"real_servers"`
	} `json:"virtual_servers"`
}

func (p piranha) settled(active, standby *router) error {
	for r, want := range map[*router]pulseStatus{active: {State: "active"}, standby: {State: "inactive"}} {
		want.Partner.Health, want.Partner.State = "alive", "active"
		if r == active {
			want.Partner.State = "inactive"
		}
		var have pulseStatus
		if err := call(r, "pulse.sock", http.MethodGet, "status", &have); err != nil {
			return err
		}
		if have != want {
			return fmt.Errorf("%s: %+v, want %+v", r.node.Name, have, want)
		}
	}
	return p.healthy(standby)
}

// healthy returns nil when lvsd knows that all real servers are up.
func (p piranha) healthy(r *router) error {
	var s lvsdStatus
	if err := call(r, "lvs.sock", http.MethodGet, "status", &s); err != nil {
		return err
	}
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.RealServers {
			if rs.State != "up" {
				return fmt.Errorf("%s: %s is %s", r.node.Name, rs.Name, rs.State)
			}
		}
	}
	return nil
}

// handOver asks until pulse agrees: right after a switchover it waits for its partner to be willing again.
func (p piranha) handOver(active *router) error {
	return await(func() error { return call(active, "pulse.sock", http.MethodPost, "switchover", nil) })
}

// comeBack has nothing to do: pulse goes on as a standby.
func (p piranha) comeBack(*router) error { return nil }

// call makes a call of a daemon's socket.
func call(r *router, socket, method, name string, answer any) error {
	h := http.Client{Timeout: callTime, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.run, socket))
		},
	}}
	req, err := http.NewRequest(method, "http://"+socket+"/v1/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", r.node.Name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var refused struct{ Error string }
		if json.NewDecoder(resp.Body).Decode(&refused) == nil && refused.Error != "" {
			return fmt.Errorf("%s: %s: %w", r.node.Name, name, errors.New(refused.Error))
		}
		return fmt.Errorf("%s: %s: %s", r.node.Name, name, resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// callTime bounds a call.
const callTime = 5 * time.Second
