package lvs

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/piranha-lvs/piranha/internal/history"
	"github.com/piranha-lvs/piranha/internal/loadmon"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/program"
	"github.com/piranha-lvs/piranha/internal/scalar"
)

// reportFD is the descriptor on which a nanny reports: the first after its standard ones.
const reportFD = 3

// DefaultNanny is the monitor of virtual servers that name none; lvsd --nanny replaces it.
const DefaultNanny = "/usr/sbin/nanny"

// monitorOptions are the parts of a monitor's arguments that do not come from lvs.cf.
type monitorOptions struct {
	nanny      string // program of virtual servers that name no client_monitor of their own
	verbose    bool
	foreground bool
}

// monitorArgs is a monitor's argument vector, in two parts because the weight between them does not concern a nanny that
// only reports: lvsd weighs.
type monitorArgs struct {
	before, after []string
	weight        string
	weighs        bool     // it reports a load
	programs      []string // of lvs.cf that it runs, or is
	custom        bool     // not our nanny: reports with its ordinary log lines, on standard output
	none          bool     // there is none, and the server counts as up
}

// same tells whether a running monitor with these arguments would do for the others.
func (m monitorArgs) same(n monitorArgs) bool {
	return m.custom == n.custom && m.none == n.none && slices.Equal(m.before, n.before) && slices.Equal(m.after, n.after) &&
		(!m.custom || m.weight == n.weight)
}

// argv is the whole vector.
func (m monitorArgs) argv(knownDown bool) []string {
	argv := m.args(knownDown)
	if m.custom {
		return argv
	}
	return append(argv, "--report-fd="+strconv.Itoa(reportFD))
}

// args is the vector without what only a process needs.
func (m monitorArgs) args(knownDown bool) []string {
	argv := slices.Concat(m.before, []string{"-w", m.weight}, m.after)
	return appendIf(argv, knownDown && !m.custom, "--known-down")
}

// isText tells whether all arguments are UTF-8, which lvs.cf does not ask for.
func (m *monitorArgs) isText() bool {
	for _, args := range [][]string{m.before, m.after} {
		if slices.ContainsFunc(args, func(s string) bool { return !utf8.ValidString(s) }) {
			return false
		}
	}
	return true
}

// newMonitorArgs builds the vector in the original's order, which the process list shows and scripts read.
func newMonitorArgs(cfg *lvscf.Config, vs *lvscf.VirtualServer, rs *lvscf.RealServer, o monitorOptions) monitorArgs {
	if vs.Check == lvscf.CheckNone {
		return monitorArgs{none: true}
	}
	m := monitorArgs{custom: vs.ClientMonitor != DefaultNanny, weight: strconv.Itoa(rs.Weight)}
	path := o.nanny
	if m.custom {
		path = vs.ClientMonitor
		m.programs = append(m.programs, path)
	}
	runs, sends, expects := uses(vs)
	if words := program.Split(vs.SendProgram); len(words) > 0 && (runs || m.custom) {
		m.programs = append(m.programs, words[0])
	}
	b := []string{path, "-c", "-h", rs.Addr.String(), "-p", port(vs.Port), "-r", port(rs.Port)}
	if vs.Mark != 0 {
		b = append(b, "-f", strconv.FormatUint(uint64(vs.Mark), 10))
	}
	b = appendIf(b, vs.Protocol == lvscf.UDP, "-u")
	b = appendIf(b, vs.SendProgram != "" && (runs || m.custom), "-e", vs.SendProgram)
	b = appendIf(b, vs.HasSend && (sends || m.custom), "-s", vs.Send)
	b = appendIf(b, vs.HasExpect && (expects || m.custom), "-x", vs.Expect)
	b = appendIf(b, vs.Quiesce, "-q")
	b = appendIf(b, vs.UseRegex, "--regex")
	b = appendIf(b, o.verbose, "-v")
	m.before = append(b, "-a", scalar.FormatTime(vs.Reentry), "-I", cfg.Ipvsadm, "-t", scalar.FormatTime(vs.Timeout))
	vip := vs.VIP.Addr
	if !vip.IsValid() { // a firewall mark needs no address; the original passed the one it had not read
		vip = netip.IPv4Unspecified()
	}
	a := []string{"-V", vip.String(), "-M", map[lvscf.Forward]string{
		lvscf.Masq: "m", lvscf.Direct: "g", lvscf.Tunnel: "i"}[cfg.ForwardTo(rs)]}
	if command := loadCommand(cfg, vs); command != "" {
		a = append(a, "-U", command)
		words := program.Split(command)
		m.weighs = len(words) > 0 && words[0] != "none" && !m.custom
		if m.weighs && words[0] != "agent" {
			m.programs = append(m.programs, words[0])
		}
	}
	// A monitor that is not ours reports on its standard output, which it has in the foreground only.
	m.after = append(appendIf(a, o.foreground || m.custom, "--nodaemon"), "--lvs")
	if !m.custom {
		m.after = append(m.after, checkArgs(vs, rs)...)
		m.after = appendIf(m.after, vs.CheckShared && cfg.NannyMode == lvscf.NannyPooled, "--shared")
	}
	return m
}

// loadCommand is what tells the load of a real server; "" for nothing.
func loadCommand(cfg *lvscf.Config, vs *lvscf.VirtualServer) string {
	if vs.LoadMonitor == "uptime" {
		return cfg.RshCommand
	}
	return vs.LoadMonitor
}

func appendIf(args []string, condition bool, more ...string) []string {
	if condition {
		return append(args, more...)
	}
	return args
}

func port(p uint16) string { return strconv.Itoa(int(p)) }

// smallRuntime keeps the Go runtime of a process small that there is one of for each real server. Without asynchronous
// preemption, which one goroutine has no use for, there are no signals between the threads, and the stacks for them stay
// untouched: 20 kB less, and none more after hours. Without transparent huge pages a process takes 0.6 MB where the kernel has
// transparent_hugepage=always, not 2 to 4.
func smallRuntime() []string {
	debug := "asyncpreemptoff=1,disablethp=1"
	if own := os.Getenv("GODEBUG"); own != "" {
		debug = own + "," + debug
	}
	return []string{"GOMAXPROCS=1", "GOGC=20", "GODEBUG=" + debug}
}

// childEnv is a monitor's environment: ours, without what is meant for lvsd alone, and more in place of its namesakes.
func childEnv(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		replaced := slices.ContainsFunc(more, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		return replaced || slices.Contains([]string{"GOMAXPROCS", "GOGC", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}, name)
	})
	return append(env, more...)
}

// report is what a line of a monitor says about its server.
type report struct {
	state  state // unknown: nothing that concerns the table
	reason string
	blind  bool // no monitor has said so: there is none that could

	reading loadmon.Reading // of the server's load, if the line is about that
	checked bool            // the line is about one check
	result  history.Result  // of that, without its time
}

// readReport understands a nanny's "up", "down REASON", "passed MICROSECONDS", "failed MICROSECONDS REASON" and what package
// loadmon has; other words are for later versions. A monitor that is not ours
// says "[ active ]" and "[inactive]" somewhere in a log line, as the original's nanny did.
func readReport(line string, custom bool) report {
	if custom {
		switch {
		case strings.Contains(line, "[ active ]"):
			return report{state: up}
		case strings.Contains(line, "[inactive]"):
			return report{state: down, reason: "reported by its monitor"}
		}
		return report{}
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "up":
		return report{state: up}
	case "down":
		return report{state: down, reason: rest}
	case "passed", "failed":
		result, ok := readResult(word == "passed", rest)
		return report{checked: ok, result: result}
	}
	reading, _ := loadmon.ParseReading(line)
	return report{reading: reading}
}

// readResult understands what follows "passed" and "failed".
func readResult(passed bool, text string) (_ history.Result, ok bool) {
	micros, reason, _ := strings.Cut(text, " ")
	n, err := strconv.ParseUint(micros, 10, 32)
	if err != nil || passed != (reason == "") {
		return history.Result{}, false
	}
	return history.Result{Duration: time.Duration(n) * time.Microsecond, Reason: reason}, true
}

// oneLine makes what a program said fit to be shown: short, and without characters that steer a terminal.
func oneLine(said string) string {
	const most = 200 // bytes
	if len(said) > most {
		said = said[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(said, "?"))
}
