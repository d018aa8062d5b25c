package lvs

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// counts stands for the kernel: what it counts is set by the test.
type counts struct {
	all           []ipvs.Count
	err           error
	looks, closed int
}

func (c *counts) Count() ([]ipvs.Count, error) { c.looks++; return c.all, c.err }
func (c *counts) Close() error                 { c.closed++; return nil }

func TestMeter(t *testing.T) {
	key := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("10.0.0.1:80")}
	one, two := netip.MustParseAddrPort("192.168.0.1:80"), netip.MustParseAddrPort("192.168.0.2:80")
	k := &counts{}
	opened := 0
	m := NewMeter(func() (Counter, error) { opened++; return k, nil })
	count := func(service, first, second uint64) {
		k.all = []ipvs.Count{{Service: key, Counters: ipvs.Counters{Connections: service}, Destinations: map[netip.AddrPort]ipvs.Counters{
			one: {Connections: first, Active: 7},
		}}}
		if second > 0 {
			k.all[0].Destinations[two] = ipvs.Counters{Connections: second}
		}
	}
	now := time.Now()
	var at time.Time
	look := func() (got map[rowKey]traffic) {
		t.Helper()
		var err error
		got, at, err = m.look(now)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	count(10, 10, 0)
	if got := look()[rowKey{key, one}]; got.Active != 7 || got.Counters.Connections != 10 || got.rated {
		t.Errorf("at first: %+v", got)
	}
	count(30, 20, 10)
	now = now.Add(meterPause / 2)
	if got := look()[rowKey{key, one}]; got.Counters.Connections != 10 || k.looks != 1 || at.Equal(now) {
		t.Errorf("soon after: %+v, %d looks", got, k.looks)
	}
	now = now.Add(meterPause * 3 / 2)
	got := look()
	if !at.Equal(now) {
		t.Errorf("counted at %v, not at %v", at, now)
	}
	if r := got[rowKey{service: key}]; !r.rated || r.Rates.Connections != 10 {
		t.Errorf("service: %+v", r)
	}
	if r := got[rowKey{key, one}]; !r.rated || r.Rates.Connections != 5 {
		t.Errorf("server: %+v", r)
	}
	if r := got[rowKey{key, two}]; r.rated || r.Counters.Connections != 10 {
		t.Errorf("new server: %+v", r)
	}
	k.err = errors.New("no answer")
	now = now.Add(meterPause)
	if _, _, err := m.look(now); err == nil || k.closed != 1 {
		t.Errorf("error %v, closed %d", err, k.closed)
	}
	k.err = nil
	if got := look()[rowKey{key, one}]; !got.rated || opened != 2 {
		t.Errorf("after an error: %+v, opened %d", got, opened)
	}
	if err := m.Close(); err != nil || k.closed != 2 {
		t.Errorf("Close: %v, closed %d", err, k.closed)
	}
}
