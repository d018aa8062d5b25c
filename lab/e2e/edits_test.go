package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// edited is an lvs.cf that a test changes at random, and what the kernel's table is to be.
type edited struct {
	rand     *rand.Rand
	services []*editedService
	made     int // names given out
	remark   int // a number in a comment
}

type editedService struct {
	name       string
	addr, port int // address and port, as far as they differ; both may be another service's
	mark       int
	udp        bool
	active     bool
	scheduler  string
	persistent int
	sorry      bool
	servers    []editedServer
}

type editedServer struct {
	name    string
	addr    int
	active  bool
	weight  int
	upper   int
	forward string
}

func newEdited(seed uint64, services, servers int) *edited {
	e := &edited{rand: rand.New(rand.NewPCG(seed, 0))}
	for range services {
		s := e.service()
		for range servers {
			s.servers = append(s.servers, e.server())
		}
		e.services = append(e.services, s)
	}
	return e
}

func (e *edited) name() string {
	e.made++
	return "n" + strconv.Itoa(e.made)
}

func (e *edited) service() *editedService {
	s := &editedService{name: e.name(), active: true, addr: e.rand.IntN(40), port: 80 + e.rand.IntN(4), scheduler: "wlc"}
	if e.rand.IntN(5) == 0 {
		s.mark = 1 + e.rand.IntN(20)
	}
	return s
}

func (e *edited) server() editedServer {
	return editedServer{name: e.name(), addr: e.rand.IntN(200), active: true, weight: 1 + e.rand.IntN(5), forward: pick(e.rand, "nat", "direct", "tunnel")}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// edit changes something and says what.
func (e *edited) edit() string {
	if len(e.services) == 0 {
		e.services = append(e.services, e.service())
		return "first service"
	}
	s := e.services[e.rand.IntN(len(e.services))]
	if len(s.servers) == 0 {
		s.servers = append(s.servers, e.server())
		return "first server"
	}
	rs := &s.servers[e.rand.IntN(len(s.servers))]
	change := pick(e.rand, "add server", "remove server", "weight", "server active", "service active", "scheduler", "persistent",
		"rename service", "rename server", "order of services", "order of servers", "port", "address", "add service", "remove service",
		"comment", "protocol", "threshold", "forward", "sorry server", "mark", "server address", "several")
	switch change {
	case "add server":
		s.servers = append(s.servers, e.server())
	case "remove server":
		s.servers = slices.Delete(s.servers, 0, 1)
	case "weight":
		rs.weight = e.rand.IntN(10)
	case "server active":
		rs.active = !rs.active
	case "service active":
		s.active = !s.active
	case "scheduler":
		s.scheduler = pick(e.rand, "rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh")
	case "persistent":
		s.persistent = 60 * e.rand.IntN(3)
	case "rename service":
		s.name = e.name()
	case "rename server":
		rs.name = e.name()
	case "order of services":
		e.rand.Shuffle(len(e.services), func(i, j int) { e.services[i], e.services[j] = e.services[j], e.services[i] })
	case "order of servers":
		e.rand.Shuffle(len(s.servers), func(i, j int) { s.servers[i], s.servers[j] = s.servers[j], s.servers[i] })
	case "port":
		s.port = 80 + e.rand.IntN(4)
	case "address":
		s.addr = e.rand.IntN(40)
	case "add service":
		e.services = append(e.services, e.service())
	case "remove service":
		e.services = slices.Delete(e.services, 0, 1)
	case "comment":
		e.remark++
	case "protocol":
		s.udp = !s.udp
	case "threshold":
		rs.upper = 10 * e.rand.IntN(3)
	case "forward":
		rs.forward = pick(e.rand, "nat", "direct", "tunnel")
	case "sorry server":
		s.sorry = !s.sorry
	case "mark":
		s.mark = e.rand.IntN(3)
	case "server address":
		rs.addr = e.rand.IntN(200)
	case "several":
		for range 5 {
			change += ", " + e.edit()
		}
	}
	return change
}

// conf is the text, without the virtual server that nobody touches.
func (e *edited) conf() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %d\n", e.remark)
	for _, s := range e.services {
		fmt.Fprintf(&b, "virtual %s {\nactive = %s\naddress = %s eth0:9\nport = %d\nscheduler = %s\npersistent = %d\ncheck = none\n",
			s.name, digit(s.active), s.vip(), s.port, s.scheduler, s.persistent)
		if s.udp {
			b.WriteString("protocol = udp\n")
		}
		if s.mark > 0 {
			fmt.Fprintf(&b, "fwmark = %d\n", s.mark)
		}
		if s.sorry {
			b.WriteString("sorry_server = 10.2.0.1\n")
		}
		for _, rs := range s.servers {
			fmt.Fprintf(&b, "server %s {\naddress = %s\nactive = %s\nweight = %d\nupper_threshold = %d\nforward = %s\n}\n",
				rs.name, rs.ip(), digit(rs.active), rs.weight, rs.upper, rs.forward)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

func (s *editedService) vip() string { return "198.51.100." + strconv.Itoa(1+s.addr) }
func (rs editedServer) ip() string   { return "10.1.0." + strconv.Itoa(1+rs.addr) }

// key is the service's row as ipvsadm names it.
func (s *editedService) key() string {
	switch {
	case s.mark > 0:
		return "-f " + strconv.Itoa(s.mark)
	case s.udp:
		return fmt.Sprintf("-u %s:%d", s.vip(), s.port)
	}
	return fmt.Sprintf("-t %s:%d", s.vip(), s.port)
}

// rows are the lines of ipvsadm -S -n: of services, and of servers, that the file names twice the first counts.
func (e *edited) rows() (lines []string) {
	seen := map[string]bool{}
	for _, s := range e.services {
		if key := s.key(); s.active && !seen[key] {
			seen[key] = true
			lines = append(lines, s.rows(key)...)
		}
	}
	return lines
}

func (s *editedService) rows(key string) []string {
	line := "-A " + key + " -s " + s.scheduler
	if s.persistent > 0 {
		line += " -p " + strconv.Itoa(s.persistent)
	}
	lines := []string{line}
	seen := map[string]bool{}
	for _, rs := range s.servers {
		if addr := fmt.Sprintf("%s:%d", rs.ip(), s.port); rs.active && !seen[addr] {
			seen[addr] = true
			lines = append(lines, rs.row(key, addr))
		}
	}
	idle := func(line string) bool { return strings.HasPrefix(line, "-A") || strings.Contains(line, " -w 0") }
	if s.sorry && !slices.ContainsFunc(lines, func(line string) bool { return !idle(line) }) {
		lines = append(lines, fmt.Sprintf("-a %s -r 10.2.0.1:%d -m -w 1", key, s.port))
	}
	return lines
}

func (rs editedServer) row(key, addr string) string {
	line := fmt.Sprintf("-a %s -r %s %s -w %d", key, addr, map[string]string{"nat": "-m", "direct": "-g", "tunnel": "-i"}[rs.forward], rs.weight)
	if rs.upper > 0 {
		line += fmt.Sprintf(" -x %d", rs.upper)
	}
	if rs.forward == "tunnel" {
		line += " --tun-type ipip"
	}
	return line
}

// leastWrites is how many messages turn a table into another one at least: one for each row that comes, differs or goes, but
// none for the servers of a service that goes.
func leastWrites(before, after []string) (n int) {
	had, has := byRow(before), byRow(after)
	for row, line := range has {
		if had[row] != line {
			n++
		}
	}
	for row := range had {
		_, kept := has[row]
		_, served := has[serviceOf(row)]
		if !kept && (served || row == serviceOf(row)) {
			n++
		}
	}
	return n
}

// byRow has the lines by what names their row: the service, and the server.
func byRow(lines []string) map[string]string {
	m := map[string]string{}
	for _, line := range lines {
		f := strings.Fields(line)
		row := f[1] + " " + f[2]
		if f[0] == "-a" {
			row += " " + f[4]
		}
		m[row] = line
	}
	return m
}

func serviceOf(row string) string { return strings.Join(strings.Fields(row)[:2], " ") }

// TestEdits: a thousand random changes of a large lvs.cf, each told by SIGHUP. After each the kernel's table is as the file says
// and took the fewest possible writes, and a client of a virtual server that nobody touches never notices.
func TestEdits(t *testing.T) {
	const edits, seed = 1000, 5
	e := newEdited(seed, 30, 12)
	web := conf("scheduler = rr", all)
	c := newCluster(t, web+e.conf())
	if err := c.servers[2].Stop(); err != nil { // one is down all the time
		t.Fatal(err)
	}
	untouched := rows("rr", map[int]int{1: 1, 2: 1})
	lvsd := c.lvsd()
	have := slices.Sorted(slices.Values(append(e.rows(), untouched...)))
	wantTable(t, c.router, saved(have)...)
	load := c.underLoad()
	for i := range edits {
		what := e.edit()
		c.configure(web + e.conf())
		want := slices.Sorted(slices.Values(append(e.rows(), untouched...)))
		lvsd.Mark()
		reload(t, lvsd)
		line, _ := lvsd.find("configuration reread")
		_, after, _ := strings.Cut(line, "writes=")
		writes, err := strconv.Atoi(after)
		if least := leastWrites(have, want); err != nil || writes != least {
			t.Errorf("edit %d, %s: %q, want writes=%d", i, what, line, least)
		}
		if got, want := table(t, c.router), saved(want); !slices.Equal(got, want) {
			t.Fatalf("edit %d, %s: table differs: %v", i, what, difference(got, want))
		}
		have = want
	}
	load.more(t, 10)
	wantNoError(t, load.end(t), 100)
	if n := lvsd.Count("table was changed by somebody else"); n > 0 {
		t.Errorf("lvsd repaired its own table %d times", n)
	}
	c.wantAsPrinted(have)
}

// saved are the lines as ipvsadm -S prints them: it forgets thresholds.
func saved(lines []string) (list []string) {
	for _, line := range lines {
		before, after, found := strings.Cut(line, " -x ")
		if found {
			_, after, _ = strings.Cut(after, " ")
			line = strings.TrimSpace(before + " " + after)
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

// wantAsPrinted expects a table to be what lvsd --print-table says, without the server that is down.
func (c *cluster) wantAsPrinted(have []string) {
	c.t.Helper()
	var printed []string
	for line := range strings.Lines(run(c.t, c.router, binary(c.t, "lvs"), "--print-table", "-c", c.file)) {
		down := strings.Contains(line, " -r "+hostPort(topology.RealAddr(3)))
		if !down && strings.HasPrefix(line, "-") { // the rest are warnings
			printed = append(printed, strings.TrimSpace(line))
		}
	}
	slices.Sort(printed)
	if want := saved(have); !slices.Equal(printed, want) {
		c.t.Errorf("--print-table differs from the kernel's: %v", difference(want, printed))
	}
}

// difference names the lines that only one of two lists has.
func difference(got, want []string) string {
	in := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, l := range list {
			m[l] = true
		}
		return m
	}
	g, w := in(got), in(want)
	maps.DeleteFunc(g, func(l string, _ bool) bool { return slices.Contains(want, l) })
	maps.DeleteFunc(w, func(l string, _ bool) bool { return slices.Contains(got, l) })
	return fmt.Sprintf("has %q, lacks %q", slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w)))
}
