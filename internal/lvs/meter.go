package lvs

import (
	"os"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// Counter reads the kernel's counters: *kernel.Conn.
type Counter interface {
	Count() ([]ipvs.Count, error)
	Close() error
}

// Meter tells how much goes through the rows of the table. It has a connection to the kernel of its own, so that whoever looks
// delays nobody who works. It is safe for concurrent use.
type Meter struct {
	open func() (Counter, error)

	mu           sync.Mutex
	conn         Counter
	last, before sample
}

// sample is what the counters said at one moment. The zero value: not looked yet.
type sample struct {
	at     time.Time
	counts map[rowKey]ipvs.Counters
}

// meterPause is the least time between two looks at the kernel's counters, however many ask, and so the shortest over which a rate
// is taken.
const meterPause = time.Second

// NewMeter returns a Meter that opens its connection when it is first asked.
func NewMeter(open func() (Counter, error)) *Meter { return &Meter{open: open} }

// Close closes the connection.
func (m *Meter) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forget()
}

func (m *Meter) forget() error {
	if m.conn == nil {
		return nil
	}
	conn := m.conn
	m.conn = nil
	return conn.Close()
}

// traffic is what a row carries.
type traffic struct {
	ipvs.Counters
	ipvs.Rates
	rated bool // the rates are known
}

// look returns the traffic of every row of the table, and when that was counted.
func (m *Meter) look(now time.Time) (map[rowKey]traffic, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.last.at) >= meterPause || now.Before(m.last.at) {
		s, err := m.sample(now)
		if err != nil {
			_ = m.forget() // the next look opens it anew
			return nil, time.Time{}, err
		}
		m.before, m.last = m.last, s
	}
	return m.last.since(m.before), m.last.at, nil
}

func (m *Meter) sample(now time.Time) (s sample, err error) {
	if m.conn == nil {
		if m.conn, err = m.open(); err != nil {
			m.conn = nil
			return s, err
		}
	}
	all, err := m.conn.Count()
	if err != nil {
		return s, err
	}
	s = sample{at: now, counts: map[rowKey]ipvs.Counters{}}
	for _, c := range all {
		s.counts[rowKey{service: c.Service}] = c.Counters
		for addr, n := range c.Destinations {
			s.counts[rowKey{c.Service, addr}] = n
		}
	}
	return s, nil
}

// since compares two samples.
func (s sample) since(before sample) map[rowKey]traffic {
	all := make(map[rowKey]traffic, len(s.counts))
	for key, n := range s.counts {
		t := traffic{Counters: n}
		if then, known := before.counts[key]; known {
			t.Rates, t.rated = n.Since(then, s.at.Sub(before.at)), true
		}
		all[key] = t
	}
	return all
}

// estimating tells whether the kernel counts at all: net.ipv4.vs.run_estimation = 0 stops its counters.
func estimating() bool {
	text, err := os.ReadFile("/proc/sys/net/ipv4/vs/run_estimation")
	return err != nil || strings.TrimSpace(string(text)) != "0"
}
