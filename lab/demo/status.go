package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// status is what the demo wants of lvsd's answer; doc/api.md describes all of it.
type status struct {
	VirtualServers []struct {
		Service     string `json:"service"`
		Scheduler   string `json:"scheduler"`
		RealServers []struct {
			Name    string `json:"name"`
			Address string `json:"address"`
			State   string `json:"state"`
			Reason  string `json:"reason"`
			Present bool   `json:"present"`
			Weight  int    `json:"weight_now"`
		} `json:"real_servers"`
	} `json:"virtual_servers"`
}

// ask reads lvsd's status.
func (c *cluster) ask(ctx context.Context) (status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	path := filepath.Join(c.dir, "lvs.sock")
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	var s status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lvsd/v1/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := h.Do(req)
	if err != nil {
		return s, fmt.Errorf("ask lvsd: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("ask lvsd: %s", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("ask lvsd: %w", err)
	}
	return s, nil
}

// state returns the state of a real server, "" as long as there is none.
func (s status) state(server string) string {
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.RealServers {
			if rs.Name == server {
				return rs.State
			}
		}
	}
	return ""
}

func (s status) show(v *view) {
	for _, vs := range s.VirtualServers {
		v.service, v.sched = vs.Service, vs.Scheduler
		for _, rs := range vs.RealServers {
			v.servers = append(v.servers, serverView{
				name: rs.Name, address: rs.Address, state: rs.State, reason: rs.Reason, weight: rs.Weight, present: rs.Present,
			})
		}
	}
}
