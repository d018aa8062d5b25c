package demo

import (
	"context"
	"encoding/json"
	"errors"
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
	return s, r.call(ctx, "pulse", http.MethodGet, "status", &s)
}

func (r *router) lvsdStatus(ctx context.Context) (s lvsdStatus, err error) {
	return s, r.call(ctx, "lvs", http.MethodGet, "status", &s)
}

// callTime bounds a call.
const callTime = 5 * time.Second

// call makes a call of a daemon's socket.
func (r *router) call(ctx context.Context, daemon, method, name string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	path := filepath.Join(r.dir, daemon+".sock")
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+daemon+"/v1/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("%s: ask %s: %w", r.name(), daemon, err)
	}
	defer resp.Body.Close()
	body := json.NewDecoder(io.LimitReader(resp.Body, 1<<20))
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		var refused struct{ Error string }
		err = errors.New(resp.Status)
		if body.Decode(&refused) == nil && refused.Error != "" {
			err = errors.New(refused.Error)
		}
	case answer != nil:
		err = body.Decode(answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %s of %s: %w", r.name(), name, daemon, err)
	}
	return nil
}
