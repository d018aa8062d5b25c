package lvs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

const manyKinds = `
virtual web {
	active = 1
	address = 192.0.2.1 eth0:1
	server a {
		address = 10.0.0.1
		active = 1
	}
	server b {
		address = 10.0.0.2
		active = 1
	}
}
virtual mark {
	active = 1
	address = 192.0.2.3 eth0:1
	fwmark = 21
	persistent = 60
	server m {
		address = 10.0.0.7
		active = 1
	}
}
virtual six {
	active = 1
	address = 2001:db8::1 eth0
	server s {
		address = 2001:db8::a
		active = 1
	}
}
`

const kernelTable = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6336402 D3F1 C0000201 0050 0A000001 0050 ESTABLISHED     897
TCP C6336403 D3F2 C0000201 0050 0A000002 0050 FIN_WAIT        117
TCP C6336404 D3F2 C0000201 0050 0A000009 0050 SYN_RECV         57
UDP C6336402 D3F1 C0000201 0050 0A000001 0050 UDP             297
TCP C6336402 0000 C0000201 0050 0A000001 0050 ASSURED          55
IP  C6336402 0000 00000015 0000 0A000007 0000 NONE             60
IP  C6336402 0000 00000016 0000 0A000007 0000 NONE             60
UDP C6336402 D3F1 C0000203 0035 0A000007 0035 UDP             299
TCP 2001:0db8:0000:0000:0000:0000:0000:0002 D3F1 2001:0db8:0000:0000:0000:0000:0000:0001 0050 2001:0db8:0000:0000:0000:0000:0000:000a 0050 ESTABLISHED     898
`

func TestNames(t *testing.T) {
	p := planOf(t, manyKinds)
	for _, c := range []struct {
		name, query string
		want        string // virtual/server STATE of each
	}{
		{"ours", "", "web/a ESTABLISHED, web/b FIN_WAIT, web/ SYN_RECV, web/a ASSURED template, mark/m NONE template, mark/m UDP, six/s ESTABLISHED"},
		{"a virtual server", "?virtual=web", "web/a ESTABLISHED, web/b FIN_WAIT, web/ SYN_RECV, web/a ASSURED template"},
		{"a real server", "?virtual=web&server=b", "web/b FIN_WAIT"},
		{"a state", "?state=established", "web/a ESTABLISHED, six/s ESTABLISHED"},
		{"a client", "?client=198.51.100.3", "web/b FIN_WAIT"},
		{"a network", "?client=2001:db8::/32", "six/s ESTABLISHED"},
		{"one nobody is in", "?client=203.0.113.0/24", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := parseConnectionFilter(httptest.NewRequest("GET", "/"+c.query, nil).URL.Query())
			if err != nil {
				t.Fatal(err)
			}
			list, err := listConnections(t.Context(), strings.NewReader(kernelTable), newNames(p), f)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range list.Connections {
				line := c.Virtual + "/" + c.Server + " " + c.State
				if c.Template {
					line += " template"
				}
				got = append(got, line)
			}
			if said := strings.Join(got, ", "); said != c.want || list.Total != len(got) || !list.Complete {
				t.Errorf("%s; %+v; want %s", said, list, c.want)
			}
		})
	}
}

// TestConnectionsInTime: when the time is over what was read so far is answered, and that it is not all.
func TestConnectionsInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list, err := listConnections(ctx, strings.NewReader(kernelTable), newNames(planOf(t, manyKinds)), connectionFilter{limit: 10})
	if err != nil || list.Complete || list.Total != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestServeConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, manyKinds, nil)
		table, failed := kernelTable, error(nil)
		h := b.daemon.serveConnections(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(table)), failed })
		for _, c := range []struct {
			query  string
			status int
			want   string
		}{
			{"?limit=0", http.StatusOK, `{"connections":[],"total":7,"complete":true}`},
			{"?virtual=web&limit=1", http.StatusOK, `{"connections":[{"virtual":"web","server":"a","protocol":"TCP","client":"198.51.100.2:54257",` +
				`"virtual_address":"192.0.2.1:80","server_address":"10.0.0.1:80","state":"ESTABLISHED","expires":897}],"total":4,"complete":true}`},
			{"?virtual=mark&limit=1", http.StatusOK, `{"connections":[{"virtual":"mark","server":"m","protocol":"IP","client":"198.51.100.2:0",` +
				`"server_address":"10.0.0.7:0","state":"NONE","expires":60,"template":true}],"total":2,"complete":true}`},
			{"?virtual=nobody", http.StatusNotFound, `{"error":"no active virtual server or real server of that name"}`},
			{"?virtual=web&server=m", http.StatusNotFound, `{"error":"no active virtual server or real server of that name"}`},
			{"?server=a", http.StatusBadRequest, `{"error":"server: names its virtual server, too"}`},
			{"?client=me", http.StatusBadRequest, `{"error":"client: an address or a network expected, not \"me\""}`},
			{"?limit=10001", http.StatusBadRequest, `{"error":"limit: a number of 0 to 10000 expected, not \"10001\""}`},
			{"?limit=-1", http.StatusBadRequest, `{"error":"limit: a number of 0 to 10000 expected, not \"-1\""}`},
		} {
			w := httptest.NewRecorder()
			h(w, httptest.NewRequest("GET", "/v1/connections"+c.query, nil))
			if w.Code != c.status || w.Body.String() != c.want {
				t.Errorf("%s: %d %s, want %d %s", c.query, w.Code, w.Body, c.status, c.want)
			}
		}
		table = "header\nwhat is that"
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest("GET", "/v1/connections", nil))
		if want := `{"error":"/proc/net/ip_vs_conn: line 2: less than 9 fields"}`; w.Code != 500 || w.Body.String() != want {
			t.Errorf("another format: %d %s", w.Code, w.Body)
		}
		failed = errors.New("no IPVS")
		w = httptest.NewRecorder()
		h(w, httptest.NewRequest("GET", "/v1/connections", nil))
		if w.Code != 500 || w.Body.String() != `{"error":"no IPVS"}` {
			t.Errorf("no table: %d %s", w.Code, w.Body)
		}
		b.stop()
	})
}

// TestManyConnections: of more than the limit as many are listed, and all are counted.
func TestManyConnections(t *testing.T) {
	var table strings.Builder
	table.WriteString("header\n")
	for i := range 3 * maxConnections {
		fmt.Fprintf(&table, "TCP C633%04X %04X C0000201 0050 0A000001 0050 ESTABLISHED 897\n", i, i)
	}
	f := connectionFilter{limit: maxConnections}
	list, err := listConnections(t.Context(), strings.NewReader(table.String()), newNames(planOf(t, manyKinds)), f)
	if err != nil || len(list.Connections) != maxConnections || list.Total != 3*maxConnections {
		t.Fatalf("%d of %d, %v", len(list.Connections), list.Total, err)
	}
	if text, err := json.Marshal(list); err != nil || len(text) > 4<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}
