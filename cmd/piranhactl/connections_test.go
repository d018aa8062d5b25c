package main

import (
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
)

func TestConnections(t *testing.T) {
	var answer lvs.Connections
	asked := ""
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/connections", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		control.Reply(w, http.StatusOK, answer)
	})
	dir := t.TempDir()
	serve(t, filepath.Join(dir, "lvs.sock"), mux)
	one := lvs.ConnectionStatus{
		Virtual: "web", Server: "a", Protocol: "TCP", Client: netip.MustParseAddrPort("198.51.100.2:40000"),
		ServerAddress: netip.MustParseAddrPort("10.0.0.1:80"), State: "ESTABLISHED", Expires: 897,
	}
	sorry, remembered := one, one
	sorry.Server, sorry.State = "", "FIN\x1bWAIT"
	remembered.Template = true
	for _, c := range []struct {
		args   string
		answer lvs.Connections
		asked  string
		want   []string
	}{
		{"connections", lvs.Connections{Complete: true}, "limit=100", []string{"0 connections"}},
		{"connections web a --client=198.51.100.0/24 --state=established --limit=1",
			lvs.Connections{Connections: []lvs.ConnectionStatus{one}, Total: 1234, Complete: true},
			"client=198.51.100.0%2F24&limit=1&server=a&state=established&virtual=web", []string{
				"PROTOCOL  CLIENT              VIRTUAL  SERVER  STATE        EXPIRES",
				"TCP       198.51.100.2:40000  web      a       ESTABLISHED  897s",
				"1 of 1234 connections",
			}},
		{"connections web", lvs.Connections{Connections: []lvs.ConnectionStatus{sorry, remembered}, Total: 2},
			"limit=100&virtual=web", []string{
				"PROTOCOL  CLIENT              VIRTUAL  SERVER       STATE        EXPIRES",
				"TCP       198.51.100.2:40000  web      10.0.0.1:80  FIN?WAIT     897s",
				"TCP       198.51.100.2:40000  web      a            persistence  897s",
				"2 connections in the part of the kernel's table that could be read in time",
			}},
	} {
		answer = c.answer
		lines, err := ctl(t, dir, strings.Fields(c.args)...)
		if err != nil || strings.Join(lines, "\n") != strings.Join(c.want, "\n") || asked != c.asked {
			t.Errorf("%s: asked %s, %v:\n%s", c.args, asked, err, strings.Join(lines, "\n"))
		}
	}
	answer = lvs.Connections{Connections: []lvs.ConnectionStatus{one}, Total: 1, Complete: true}
	if lines, err := ctl(t, dir, "connections", "--json"); err != nil || !strings.Contains(strings.Join(lines, ""), `"client": "198.51.100.2:40000"`) {
		t.Errorf("JSON: %q, %v", lines, err)
	}
	if _, err := ctl(t, dir, "status", "--limit=5"); err == nil || err.Error() != "--client, --state and --limit are for connections" {
		t.Errorf("misplaced: %v", err)
	}
}
