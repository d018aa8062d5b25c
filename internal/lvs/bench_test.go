package lvs

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/ipvs/kernel"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// sink is a table that takes everything and remembers nothing, and a log that does.
type sink struct{}

func (sink) Read() (ipvs.Table, error)         { return nil, nil }
func (sink) Apply([]ipvs.Op) error             { return nil }
func (sink) SetTimeouts(kernel.Timeouts) error { return nil }
func (sink) Error(string, ...string)           {}
func (sink) Warn(string, ...string)            {}
func (sink) Info(string, ...string)            {}

// large is a configuration with 10,000 real servers, 100 in each of 100 virtual servers, that nothing checks.
func large(b *testing.B) *lvscf.Config {
	b.Helper()
	var s strings.Builder
	s.WriteString("serial_no = 1\nnetwork = direct\n")
	for v := range 100 {
		fmt.Fprintf(&s, "virtual v%d {\nactive = 1\naddress = 192.0.2.%d eth0:%d\nport = 80\ncheck = none\n", v, v+1, v+1)
		for r := range 100 {
			fmt.Fprintf(&s, "server r%d {\naddress = 10.1.%d.%d\nactive = 1\nweight = 1\n}\n", r, v, r+1)
		}
		s.WriteString("}\n")
	}
	doc, err := lvscf.Parse("lvs.cf", []byte(s.String()))
	if err != nil {
		b.Fatal(err)
	}
	cfg, findings := doc.Config(lvscf.Lookup{})
	if err := findings.Err(); err != nil {
		b.Fatal(err)
	}
	return cfg
}

// BenchmarkAdopt is everything that lvsd computes at a start with 10,000 real servers.
func BenchmarkAdopt(b *testing.B) {
	cfg := large(b)
	for b.Loop() {
		d := New(Options{StateDir: b.TempDir()}, cfg, sink{}, sink{})
		if _, err := d.adopt(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReload is the same for a reload that changes nothing, once lvs.cf is read.
func BenchmarkReload(b *testing.B) {
	cfg := large(b)
	d := New(Options{StateDir: b.TempDir()}, cfg, sink{}, sink{})
	if _, err := d.adopt(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d.change(context.Background(), cfg)
	}
}
