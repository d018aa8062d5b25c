package lvscf

import (
	"slices"
	"strings"

	"github.com/piranha-lvs/piranha/internal/ere"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// maxCount is the largest rise and fall.
const maxCount = 1000

// Groups of kinds that look at a key.
var (
	httpKinds = []Check{CheckHTTP, CheckHTTPS}
	notNone   = []Check{CheckTCP, CheckHTTP, CheckHTTPS, CheckTLS, CheckSMTP, CheckDNS, CheckPing, CheckScript}
)

// needs says which kinds of check look at a key; the others ignore it.
var needs = []struct {
	key   string
	kinds []Check
	hint  string
}{
	{"send", []Check{CheckTCP}, "use check = tcp"},
	{"expect", []Check{CheckTCP, CheckScript}, "use check = tcp"},
	{"send_program", []Check{CheckScript}, "use check = script"},
	{"use_regex", []Check{CheckTCP, CheckHTTP, CheckHTTPS}, ""},
	{"check_path", httpKinds, "use check = http or https"},
	{"check_status", httpKinds, "use check = http or https"},
	{"check_body", httpKinds, "use check = http or https"},
	{"check_host", []Check{CheckHTTP, CheckHTTPS, CheckTLS, CheckSMTP, CheckDNS}, "use check = http or https"},
	{"check_verify", []Check{CheckHTTPS, CheckTLS}, "use check = https or tls"},
	{"check_port", []Check{CheckTCP, CheckHTTP, CheckHTTPS, CheckTLS, CheckSMTP, CheckDNS, CheckScript}, ""},
	{"check_source", []Check{CheckTCP, CheckHTTP, CheckHTTPS, CheckTLS, CheckSMTP, CheckDNS, CheckPing}, ""},
	{"rise", notNone, ""},
	{"fall", notNone, ""},
	{"load_monitor", notNone, ""},
	{"client_monitor", notNone, ""},
}

// checkKind judges whether the keys about checks go together, in an enabled virtual server.
func (b *builder) checkKind(vs *VirtualServer) {
	line := b.lineOf(inService, "check")
	if line < 0 {
		return // refused: nobody knows what was meant
	}
	if vs.Check == CheckScript && b.lineOf(inService, "send_program") == 0 {
		b.report(Error, at{line: line, key: "check", value: "script"}, 0, "add send_program", "no program to run")
	}
	if vs.Check == CheckDNS && b.lineOf(inService, "check_host") == 0 {
		b.report(Error, at{line: line, key: "check", value: "dns"}, 0, "add check_host", "no name to ask for")
	}
	b.checkNeeds(vs)
	b.checkCustom(vs)
	b.checkRegex(vs)
	b.checkSource(vs)
	if reentry := b.lineOf(inService, "reentry"); reentry > 0 && vs.Rise > 0 {
		b.report(Warning, at{line: reentry, key: "reentry"}, 0, "", "ignored, because there is rise")
	}
	if shared := b.lineOf(inService, "check_shared"); shared > 0 && vs.CheckShared && len(b.shared) <= maxFindings {
		b.shared = append(b.shared, at{line: shared, block: b.serviceBlock(), key: "check_shared"})
	}
}

// checkNeeds names the keys that this kind of check does not look at. Without check, only those are judged that the
// original did not have.
func (b *builder) checkNeeds(vs *VirtualServer) {
	kind, text := vs.Check, "ignored by check = "+vs.Check.String()
	if kind == 0 {
		kind, text = CheckTCP, "ignored without check"
		if vs.SendProgram != "" {
			kind, text = CheckScript, "ignored, because there is a send_program"
		}
	}
	for _, n := range needs {
		line := b.lineOf(inService, n.key)
		original := !keys[findKey(inService, n.key)].Extension
		if line > 0 && !slices.Contains(n.kinds, kind) && (vs.Check != 0 || !original) {
			b.report(Warning, at{line: line, key: n.key}, 0, n.hint, "%s", text)
		}
	}
}

// checkCustom names what a monitor that is not nanny will not be told.
func (b *builder) checkCustom(vs *VirtualServer) {
	if vs.ClientMonitor == b.freshService.ClientMonitor || vs.Check == CheckNone {
		return
	}
	for i := range keys {
		k := &keys[i]
		about := strings.HasPrefix(k.Name, "check") || k.Name == "rise" || k.Name == "fall"
		if line := int(b.service[i]); k.In == inService && about && line > 0 {
			b.report(Warning, at{line: line, key: k.Name}, 0, "", "another client_monitor than nanny is not told")
		}
	}
}

// checkRegex compiles what use_regex makes a regular expression, as nanny will. A bad expect is no error: the original let
// it pass.
func (b *builder) checkRegex(vs *VirtualServer) {
	if !vs.UseRegex {
		return
	}
	if line := b.lineOf(inService, "check_body"); line > 0 && slices.Contains(httpKinds, vs.Check) {
		if _, err := ere.Compile(probe.Unescape(vs.CheckBody)); err != nil {
			b.report(Error, at{line: line, key: "check_body", value: vs.CheckBody}, CodeArgument, "", "%s", harmless(err.Error()))
		}
	}
	if line := b.lineOf(inService, "expect"); line > 0 && (vs.Check == CheckTCP || vs.Check == 0 && vs.SendProgram == "") {
		if _, err := ere.Compile(probe.Unescape(vs.Expect)); err != nil {
			b.report(Warning, at{line: line, key: "expect", value: vs.Expect}, 0, "no real server will be in service", "%s", harmless(err.Error()))
		}
	}
}

// checkSource reports an address that no check can come from.
func (b *builder) checkSource(vs *VirtualServer) {
	line := b.lineOf(inService, "check_source")
	if line <= 0 || !vs.CheckSource.IsValid() || vs.Check == CheckScript || vs.Check == CheckNone {
		return
	}
	for i := range b.servers {
		if addr := vs.CheckedAt(&b.servers[i]).Addr(); b.servers[i].Enabled && addr.IsValid() && addr.Is4() != vs.CheckSource.Is4() {
			b.report(Error, at{line: line, key: "check_source", value: vs.CheckSource.String()}, CodeArgument, "",
				"an address of another family than that of server %s", quoteName(b.servers[i].Name))
			return
		}
	}
}

// checkModes judges what depends on the whole file.
func (b *builder) checkModes() {
	if b.cfg.NannyMode == NannyPooled || b.lineOf(InGlobal, "nanny_mode") < 0 {
		return
	}
	for _, s := range b.shared {
		b.report(Warning, s, 0, "add nanny_mode = pooled", "ignored: every real server has a nanny of its own")
	}
}

// refusePath refuses what cannot stand in the first line of a request.
func refusePath(text string) problem {
	if !strings.HasPrefix(text, "/") || !plainASCII(text) {
		return problem{CodeArgument, "a path expected", "begin with /, and write blanks and special characters as %20"}
	}
	return problem{}
}

// refuseName refuses what is no name of a host.
func refuseName(text string) problem {
	if text == "" || len(text) > 253 || !plainASCII(text) || strings.ContainsAny(text, "/@\"'\\") {
		return problem{CodeArgument, "a name expected", "write a host name, such as www.example.com"}
	}
	return problem{}
}

// plainASCII reports whether a text is made of visible characters only.
func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
