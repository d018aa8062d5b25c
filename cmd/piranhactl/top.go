package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/lvs"
)

// top shows what goes through the virtual and real servers, again and again. Rates are taken between its own looks at the
// counters, so that others who look do not change them. On a terminal it fills the screen, and reads keys; elsewhere it prints one block
// of lines after the other.
func top(ctx context.Context, c cluster, o options, in io.Reader, out io.Writer) error {
	s, err := c.lvsdStatus(ctx)
	if err != nil {
		return err
	}
	screen, err := openScreen(in, out)
	if err != nil {
		return err
	}
	defer screen.close()
	v := topView{order: topOrders[o.order]}
	v.take(s)
	var keys <-chan byte
	if screen != nil { // rates are yet to come
		keys = screen.keys
		if err := screen.show(v.text); err != nil {
			return err
		}
	}
	again := time.NewTicker(o.interval)
	defer again.Stop()
	for shown := 0; o.count == 0 || shown < o.count; {
		select {
		case <-ctx.Done(): // as it is meant to end
			return nil
		case key := <-keys:
			if key == 'q' {
				return nil
			}
			v.press(key)
		case <-again.C:
			s, err = c.lvsdStatus(ctx)
			if ctx.Err() != nil {
				return nil
			}
			v.failed = err
			if err == nil {
				v.take(s)
			}
			shown++
		}
		if err := show(screen, out, &v); err != nil {
			return err
		}
	}
	return nil
}

// show shows the view: on the screen, if there is one.
func show(s *screen, out io.Writer, v *topView) error {
	if s != nil {
		return s.show(v.text)
	}
	_, err := io.WriteString(out, v.text(topWidth, 0)+"\n")
	return err
}

// topWidth is how wide a line is where there is no terminal to ask.
const topWidth = 80

// topOrder is an order of rows: the greatest first, or as in lvs.cf with nil.
type topOrder struct {
	key  byte
	name string
	by   func(topRow) float64
}

// topOrders are the orders there are; the first is what top begins with.
var topOrders = []topOrder{
	{'c', "conn/s", func(r topRow) float64 { return r.rates.Connections }},
	{'a', "active", func(r topRow) float64 { return float64(r.active) }},
	{'p', "pkts/s", func(r topRow) float64 { return r.rates.InPackets + r.rates.OutPackets }},
	{'i', "in/s", func(r topRow) float64 { return r.rates.InBytes }},
	{'o', "out/s", func(r topRow) float64 { return r.rates.OutBytes }},
	{'n', "lvs.cf", nil},
}

// topView is what top shows.
type topView struct {
	order   topOrder
	status  *lvs.Status
	counted time.Time
	before  map[topName]ipvs.Counters
	rates   map[topName]ipvs.Rates
	failed  error // why there is nothing newer
}

// topName is a real server, or a virtual one if server is empty. The address tells apart those that have a name in common.
type topName struct{ virtual, service, server, address string }

// topGroup is a virtual server with its real servers.
type topGroup struct {
	topRow
	servers []topRow
}

// topRow is a line of the table.
type topRow struct {
	name, state, weight string
	active, inactive    int64
	counted             bool // there are figures
	rates               ipvs.Rates
	rated               bool
}

// press follows a key.
func (v *topView) press(key byte) {
	i := slices.IndexFunc(topOrders, func(o topOrder) bool { return o.key == key })
	if i >= 0 {
		v.order = topOrders[i]
	}
}

// take takes in a status. Rates stay as they are if nothing has been counted since the last one.
func (v *topView) take(s *lvs.Status) {
	v.status = s
	if !s.Counted.Equal(v.counted) {
		counters := map[topName]ipvs.Counters{}
		rates := map[topName]ipvs.Rates{}
		for name, t := range traffics(s) {
			counters[name] = countersOf(t)
			if before, known := v.before[name]; known {
				rates[name] = counters[name].Since(before, s.Counted.Sub(v.counted))
			}
		}
		v.counted, v.before, v.rates = s.Counted, counters, rates
	}
}

// traffics are those of all rows that have one.
func traffics(s *lvs.Status) map[topName]*lvs.TrafficStatus {
	all := map[topName]*lvs.TrafficStatus{}
	for _, vs := range s.VirtualServers {
		if vs.Traffic != nil {
			all[topName{virtual: vs.Name, service: vs.Service}] = vs.Traffic
		}
		for _, rs := range vs.RealServers {
			if rs.Traffic != nil {
				all[topName{vs.Name, vs.Service, rs.Name, rs.Address}] = rs.Traffic
			}
		}
	}
	return all
}

func countersOf(t *lvs.TrafficStatus) ipvs.Counters {
	return ipvs.Counters{
		Connections: t.Connections, InPackets: t.InPackets, OutPackets: t.OutPackets, InBytes: t.InBytes, OutBytes: t.OutBytes,
	}
}

// group is a virtual server. Its connections are those of its real servers: the kernel has no numbers of its own for it.
func (v *topView) group(vs *lvs.VirtualStatus) topGroup {
	g := topGroup{topRow: topRow{name: vs.Name, counted: vs.Traffic != nil}}
	g.rates, g.rated = v.rate(topName{virtual: vs.Name, service: vs.Service})
	up := 0
	for _, rs := range vs.RealServers {
		r := topRow{name: "  " + rs.Name, state: state(rs), weight: "-", counted: rs.Traffic != nil}
		if rs.State == "up" {
			up++
		}
		if rs.Present {
			r.weight = strconv.Itoa(rs.Now)
		}
		if rs.Traffic != nil {
			r.active, r.inactive = int64(rs.Traffic.Active), int64(rs.Traffic.Inactive)
		}
		r.rates, r.rated = v.rate(topName{vs.Name, vs.Service, rs.Name, rs.Address})
		g.active += r.active
		g.inactive += r.inactive
		g.servers = append(g.servers, r)
	}
	g.state = fmt.Sprintf("%d/%d up", up, len(vs.RealServers))
	return g
}

func (v *topView) rate(name topName) (r ipvs.Rates, known bool) {
	r, known = v.rates[name]
	return r, known
}

// groups are the virtual servers in order, each with its real servers in the same.
func (v *topView) groups() (list []topGroup) {
	for i := range v.status.VirtualServers {
		list = append(list, v.group(&v.status.VirtualServers[i]))
	}
	by := v.order.by
	if by == nil {
		return list
	}
	slices.SortStableFunc(list, func(a, b topGroup) int { return cmp.Compare(by(b.topRow), by(a.topRow)) })
	for _, g := range list {
		slices.SortStableFunc(g.servers, func(a, b topRow) int { return cmp.Compare(by(b), by(a)) })
	}
	return list
}

// text is the view within a width, and a height unless that is 0.
func (v *topView) text(width, height int) string {
	lines := []string{v.title()}
	lines = append(lines, v.remarks()...)
	lines = append(lines, topLine("SERVICE", "STATE", "WEIGHT", "ACTIVE", "INACT", "CONN/S", "PKTS/S", "IN/S", "OUT/S"))
	for _, g := range v.groups() {
		lines = append(lines, g.line())
		for _, r := range g.servers {
			lines = append(lines, r.line())
		}
	}
	if height > 0 && len(lines) > height {
		more := count(len(lines)-height+1, "more line")
		lines = append(lines[:height-1], more)
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(cut(line, width), " ") + "\n")
	}
	return b.String()
}

func (v *topView) title() string {
	s := v.status
	active := "on standby"
	if s.Active {
		active = "active"
	}
	up, all := 0, 0
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.RealServers {
			all++
			if rs.State == "up" {
				up++
			}
		}
	}
	at := "not counted"
	if !v.counted.IsZero() {
		at = v.counted.Local().Format("15:04:05")
	}
	return fmt.Sprintf("%s  %s, %d of %d real servers up, order: %s (keys c a p i o n q)", at, active, up, all, v.order.name)
}

// remarks is what somebody should know about the figures.
func (v *topView) remarks() (lines []string) {
	s := v.status
	switch {
	case v.failed != nil:
		lines = append(lines, "Nothing newer: "+v.failed.Error())
	case s.CounterError != "":
		lines = append(lines, "Nothing is counted: "+clean(s.CounterError))
	case !s.Counting:
		lines = append(lines, "The kernel's counters stand still: net.ipv4.vs.run_estimation is 0.")
	}
	return lines
}

func (r *topRow) line() string {
	rate := func(n float64) string {
		if !r.rated {
			return "-"
		}
		return short(n)
	}
	now := func(n int64) string {
		if !r.counted {
			return "-"
		}
		return short(float64(n))
	}
	return topLine(clean(r.name), r.state, r.weight, now(r.active), now(r.inactive), rate(r.rates.Connections),
		rate(r.rates.InPackets+r.rates.OutPackets), rate(r.rates.InBytes), rate(r.rates.OutBytes))
}

func topLine(name, state, weight, active, inactive, connections, packets, in, out string) string {
	return fmt.Sprintf("%-19s %-10s %6s %6s %6s %6s %6s %6s %6s",
		cut(name, 19), cut(state, 10), weight, active, inactive, connections, packets, in, out)
}

// short writes a number in at most five characters, up to 999 thousand millions.
func short(n float64) string {
	units := []string{"", "k", "M", "G", "T"}
	for _, unit := range units[:len(units)-1] {
		switch {
		case n < 9.95 && n != float64(int(n)):
			return fmt.Sprintf("%.1f%s", n, unit)
		case n < 999.5:
			return fmt.Sprintf("%.0f%s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.0f%s", n, units[len(units)-1])
}

// cut shortens a text to a number of characters.
func cut(text string, width int) string {
	r := []rune(text)
	return string(r[:min(len(r), width)])
}
