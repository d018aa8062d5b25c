package main

import (
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
)

func TestOrder(t *testing.T) {
	d := newDaemons(t)
	d.lvsd.Active = true
	d.lvsd.VirtualServers = []lvs.VirtualStatus{{Name: "web", RealServers: []lvs.RealStatus{{
		Name: "one", State: "up", Present: true, Order: "drain", Traffic: &lvs.TrafficStatus{},
	}}}}
	for _, tt := range []struct {
		args         []string
		asked        string
		want, failed string
	}{
		{[]string{"drain", "web", "one"}, "drain?server=one&virtual=web", "no connection is left\n", ""},
		{[]string{"drain", "web", "one", "--no-wait", "--within=90"}, "drain?server=one&virtual=web&within=1m30s", "web one gets no new connections\n", ""},
		{[]string{"maint", "a web", "o&e"}, "maint?server=o%26e&virtual=a+web", "a web o&e is out of service\n", ""},
		{[]string{"ready", "web", "one"}, "ready?server=one&virtual=web", "web one is in service when it is healthy\n", ""},
		{[]string{"weight", "web", "one", "5"}, "weight?server=one&virtual=web&weight=5", "web one has weight 5\n", ""},
		{[]string{"weight", "web", "one"}, "", "", "missing arguments: weight VIRTUAL SERVER N"},
		{[]string{"maint", "web", "one", "--within=5"}, "", "", "--within is for drain"},
	} {
		d.asked = nil
		out, failed := d.do(t, tt.args...)
		asked := ""
		if len(d.asked) > 0 {
			asked = d.asked[0]
		}
		if out != tt.want || failed != tt.failed || asked != tt.asked {
			t.Errorf("%q: %q, %q, asked %q", tt.args, out, failed, asked)
		}
	}
	d.refuse = "no active virtual server and real server of these names"
	if _, failed := d.do(t, "maint", "web", "two"); failed != "lvsd: "+d.refuse {
		t.Errorf("refused: %q", failed)
	}
}

func TestDrainedTCP(t *testing.T) {
	rs := &lvs.RealStatus{Order: "drain", Present: true, Traffic: &lvs.TrafficStatus{Inactive: 9}}
	for service, want := range map[string]string{
		"-t 192.0.2.1:80": "no connection is left, but 9 that are closing", "-f 3": "9 connections are left, 0 of them established",
	} {
		if line, over := draining(&lvs.Status{Active: true}, service, rs); line != want || over != strings.HasPrefix(line, "no") {
			t.Errorf("%s: %q, %v", service, line, over)
		}
	}
}

func TestDraining(t *testing.T) {
	busy := &lvs.TrafficStatus{Active: 3, Inactive: 2}
	for _, tt := range []struct {
		name string
		s    lvs.Status
		rs   *lvs.RealStatus
		want string
		over bool
	}{
		{"busy", lvs.Status{Active: true}, &lvs.RealStatus{Order: "drain", Present: true, Traffic: busy}, "5 connections are left, 3 of them established", false},
		{"late", lvs.Status{Active: true}, &lvs.RealStatus{Order: "maint"}, "time is over: the server is out of service", true},
		{"ended", lvs.Status{Active: true}, &lvs.RealStatus{Present: true, Traffic: busy}, "somebody has ended the drain", true},
		{"standby", lvs.Status{}, &lvs.RealStatus{Order: "drain"}, "this router is on standby: nothing to wait for", true},
		{"down", lvs.Status{Active: true}, &lvs.RealStatus{Order: "drain"}, "the server has no row in the table: no connection is left", true},
		{"blind", lvs.Status{Active: true, CounterError: "no\x1b"}, &lvs.RealStatus{Order: "drain", Present: true}, "connections cannot be counted: no?", true},
		{"gone", lvs.Status{Active: true}, nil, "the server is no longer in lvs.cf", true},
	} {
		if line, over := draining(&tt.s, "-u 192.0.2.1:53", tt.rs); line != tt.want || over != tt.over {
			t.Errorf("%s: %q, %v", tt.name, line, over)
		}
	}
}

// TestDrainCountsAnew: what lvsd counted before the order says nothing of a connection that came between.
func TestDrainCountsAnew(t *testing.T) {
	d := newDaemons(t)
	traffic := &lvs.TrafficStatus{}
	d.lvsd.Active = true
	d.lvsd.VirtualServers = []lvs.VirtualStatus{{Name: "web", RealServers: []lvs.RealStatus{{
		Name: "one", State: "up", Present: true, Order: "drain", Traffic: traffic,
	}}}}
	left := uint32(1)
	d.meter = func(ago time.Duration) {
		if ago >= time.Second {
			traffic.Active, left = left, 0
		}
	}
	const want = "1 connections are left, 1 of them established\nno connection is left\n"
	if out, failed := d.do(t, "drain", "web", "one"); out != want || failed != "" {
		t.Errorf("drain: %q, %q, want %q", out, failed, want)
	}
}
