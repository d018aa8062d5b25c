package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// pulseStatus and lvsdStatus are what the demo wants of the daemons' answers; doc/api.md describes all of them.
type pulseStatus struct {
	State   string `json:"state"`
	Partner struct {
		Health string `json:"health"`
		State  string `json:"state"`
	} `json:"partner"`
}

type lvsdStatus struct {
	VirtualServers []struct {
		RealServers []realStatus `json:"real_servers"`
	} `json:"virtual_servers"`
}

type realStatus struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Present bool   `json:"present"`
	Weight  int    `json:"weight_now"`
}

// states are how the real servers are, by name.
func (s lvsdStatus) states() map[string]string {
	m := map[string]string{}
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.RealServers {
			m[rs.Name] = rs.State
		}
	}
	return m
}

func (r *router) pulseStatus(ctx context.Context) (s pulseStatus, err error) {
	return s, r.status(ctx, "pulse", &s)
}

func (r *router) lvsdStatus(ctx context.Context) (s lvsdStatus, err error) {
	return s, r.status(ctx, "lvs", &s)
}

// callTime bounds a call.
const callTime = 5 * time.Second

// status asks a daemon how it is.
func (r *router) status(ctx context.Context, daemon string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	path := filepath.Join(r.dir, daemon+".sock")
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+daemon+"/v1/status", nil)
	if err != nil {
		return err
	}
	resp, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("%s: ask %s: %w", r.name(), daemon, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: ask %s: %s", r.name(), daemon, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(answer); err != nil {
		return fmt.Errorf("%s: answer of %s: %w", r.name(), daemon, err)
	}
	return nil
}

// control runs piranhactl on the router. What it says is the error, if it fails.
func (r *router) control(ctx context.Context, command string) error {
	said, err := r.node.Command(ctx, filepath.Join(r.bin, "piranhactl"), "--run-dir="+r.dir, command).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %s", r.name(), bytes.TrimSpace(said))
	}
	return nil
}
