package lvscf

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds on the number of blocks, far above what a director can run: a file beyond them is refused before it has
// filled the memory.
const (
	maxServices = 1 << 15
	maxServers  = 1 << 18
)

// Config returns what the document means and everything that is wrong or doubtful in it, by line. The Config is always
// usable for display; daemons use it only if Findings.Err is nil.
func (d *Document) Config(l Lookup) (*Config, Findings) {
	b := newBuilder(d.name, d.text, l)
	walk(d.text, b)
	b.finish()
	return b.cfg, b.found.result()
}

// seen holds, by place in keys, the line where a key was read last in a block; negative if its value was refused.
type seen [len(keys)]int32

// builder makes a Config from the statements of a text.
type builder struct {
	target
	text  string
	found collector
	res   resolver
	in    Scope // innermost block
	stray bool  // that block stands where it cannot be: its keys are read but lead nowhere

	global, service, server seen // keys of the open blocks
	freshService            FailoverService
	freshServer             RealServer
	serviceScope            Scope
	servers                 []RealServer // of the open service
	addressLines, portLines []int32      // of those servers
	duplicates
	zeroPorts []at        // servers with port 0, which only a firewall mark allows
	mixed     []forwarded // servers of another address family than their service
	shared    []at        // services with check_shared = 1
	moved     []moved
	count     int  // servers so far
	udpPort   bool // the service's port is known to udp only, and its protocol not yet
}

// at is a place for a finding that can be judged only later.
type at struct {
	line              int
	block, key, value string
}

func newBuilder(name, text string, l Lookup) *builder {
	b := &builder{text: text, in: InGlobal, res: resolver{Lookup: l, protocol: "tcp"}}
	b.found.file = name
	b.cfg, b.vs, b.rs = new(Config), new(FailoverService), new(RealServer)
	for i := range keys {
		k := &keys[i]
		if k.Default == "" {
			continue
		}
		// A default that its own key refused would be found by the tests of the table.
		if v, p := b.res.read(k, k.Default); p.code == 0 {
			k.set(&b.target, v)
		}
	}
	b.freshService, b.freshServer = *b.vs, *b.rs
	b.duplicates = newDuplicates()
	return b
}

// keysSeen returns the keys of the innermost block.
func (b *builder) keysSeen() *seen {
	switch b.in {
	case InGlobal:
		return &b.global
	case InServer:
		return &b.server
	}
	return &b.service
}

// line returns where a key was read in the open block of that scope: 0 for nowhere, negative if it was refused.
func (b *builder) lineOf(in Scope, name string) int {
	i := findKey(in, name)
	switch in {
	case InGlobal:
		return int(b.global[i])
	case InServer:
		return int(b.server[i])
	}
	return int(b.service[i])
}

// block names the innermost block.
func (b *builder) block() string {
	switch {
	case b.in == InGlobal:
		return ""
	case b.in == InServer && b.stray:
		return "server " + quoteName(b.rs.Name)
	case b.in == InServer:
		return b.serviceBlock() + " server " + quoteName(b.rs.Name)
	}
	return b.serviceBlock()
}

func (b *builder) serviceBlock() string {
	return keyword(b.serviceScope) + " " + quoteName(b.vs.Name)
}

// report adds a finding; the place's block is the innermost one if it names none. The text is made only if it is kept.
func (b *builder) report(s Severity, where at, code Code, hint, format string, args ...any) {
	if !b.found.room(s, where.line) {
		return
	}
	if where.block == "" {
		where.block = b.block()
	}
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	b.found.add(Finding{Line: where.line, Block: where.block, Key: where.key, Value: where.value, Severity: s, Code: code, Text: text, Hint: hint})
}

func (b *builder) structural(p structural) {
	if !b.found.room(p.severity, p.line) {
		return
	}
	f := Finding{Line: p.line, Key: p.key, Severity: p.severity, Code: p.code, Text: p.text, Hint: p.hint}
	if p.outside {
		f.Block, f.Key = b.block(), ""
	} else {
		f.Block = b.block()
	}
	b.found.add(f)
}

// assign reads one key = value. The order of the tests is the original's.
func (b *builder) assign(st *statement) {
	name := st.key.value(b.text)
	i := findKey(b.in, name)
	if i < 0 || st.key.quote != 0 {
		b.unknown(st, name)
		return
	}
	k, keysSeen := &keys[i], b.keysSeen()
	previous := int(keysSeen[i])
	v, p := b.value(k, st)
	keysSeen[i] = int32(st.no)
	where := at{line: st.no, key: name}
	if p.code != 0 {
		keysSeen[i] = -int32(st.no)
		where.value = st.shown(b.text)
		b.report(Error, where, p.code, p.hint, "%s", p.text)
		return
	}
	if previous != 0 {
		b.report(Warning, where, 0, "", "given before on line %d; the last one counts", max(previous, -previous))
	}
	if k.doubt != nil {
		if doubt := k.doubt(v); doubt != "" {
			where.value = v.text
			b.report(Warning, where, 0, "", "%s", doubt)
		}
	}
	k.set(&b.target, v)
}

// value judges the form of a statement and reads its value.
func (b *builder) value(k *Key, st *statement) (value, problem) {
	if k.Kind == List && st.equal && st.n > 0 {
		if items, _, ok := readList(b.text, st.first, st.end); ok {
			return value{items: items}, problem{}
		}
		return value{}, problem{CodeList, "list expected", "write " + k.Name + " = [ one two ] with blanks around the brackets, at most 1000 words"}
	}
	wanted := 1
	if k.Kind == Floating {
		wanted = 2
	}
	fits := st.fit(b.text, wanted)
	switch {
	case st.mismatch():
		return value{}, problem{CodeQuotes, "quotation mismatch", "end the value with the quote it begins with, and nothing behind it"}
	case !st.equal:
		return value{}, problem{CodeEqual, "equal (=) expected after command", "write " + k.Name + " = VALUE"}
	case st.n == 0:
		return value{}, problem{CodeMissing, "missing arguments", "write a value behind the ="}
	case !fits:
		return value{}, b.tooMany(k, st)
	case wanted == 1:
		b.res.protocol = "tcp"
		if k.Kind == Port && k.Name == "port" {
			return b.servicePort(k, st.tok[0].value(b.text))
		}
		return b.res.read(k, st.tok[0].value(b.text))
	case st.n == 1:
		return value{}, problem{CodeMissing, "missing arguments", "write the device behind the address: " + k.Name + " = " + clip(st.tok[0].value(b.text)) + " eth0:1"}
	}
	return b.res.readFloating(k, st.tok[0].value(b.text), st.tok[1].value(b.text))
}

// tooMany explains too many words behind the =.
func (b *builder) tooMany(k *Key, st *statement) problem {
	hint := "a value with blanks needs quotes"
	switch first := st.tok[0].value(b.text); {
	case strings.HasPrefix(first, "#"):
		hint = "a value is missing before the comment"
	case k.Kind == Floating:
		hint = "write an address and a device"
	case k.In == InServer && k.Kind == Host:
		hint = "the address of a real server takes no device"
	case k.Kind != Text:
		hint = "write one value"
	}
	return problem{CodeTooMany, "unexpected arguments", hint}
}

// unknown reports a key that does not exist here.
func (b *builder) unknown(st *statement, name string) {
	if !b.found.room(Error, st.no) {
		return
	}
	hint := "keys are written without quotes"
	if st.key.quote == 0 {
		hint = suggest(b.in, name)
	}
	b.found.add(Finding{Line: st.no, Block: b.block(), Key: name, Severity: Error, Code: CodeUnknown, Text: "unknown command", Hint: hint})
}

// shown is the value as a finding repeats it: without quotes if it is one word.
func (st *statement) shown(text string) string {
	if st.n == 1 {
		return st.tok[0].value(text)
	}
	return st.raw(text)
}

func (b *builder) open(st *statement, name token, stray bool) {
	b.in, b.stray = st.scope, stray
	if st.scope != InServer {
		b.serviceScope = st.scope
		*b.vs = b.freshService
		b.vs.Name, b.vs.Line = name.value(b.text), st.no
		b.vipMask, b.persistMask = mask{}, mask{}
		b.service = seen{}
		b.servers, b.zeroPorts = b.servers[:0], b.zeroPorts[:0]
		b.addressLines, b.portLines = b.addressLines[:0], b.portLines[:0]
		b.udpPort = false
		b.newService(b, st.no)
		return
	}
	*b.rs = b.freshServer
	b.rs.Name, b.rs.Line, b.rs.Port = name.value(b.text), st.no, b.vs.Port
	b.server = seen{}
	if !stray {
		b.newServer(b, st.no)
	}
}

func (b *builder) shut(*statement) {
	if b.in != InServer {
		b.checkService()
		b.keepService()
		b.in = InGlobal
		return
	}
	if b.stray {
		b.in, b.stray = InGlobal, false
		return
	}
	b.checkServer()
	if b.count++; b.count <= maxServers {
		b.servers = append(b.servers, *b.rs)
		b.addressLines = append(b.addressLines, int32(b.lineOf(InServer, "address")))
		b.portLines = append(b.portLines, int32(b.lineOf(InServer, "port")))
	}
	if b.count == maxServers+1 {
		b.report(Error, at{line: b.rs.Line}, 0, "", "more than %d real servers", maxServers)
	}
	b.in = b.serviceScope
}

// keepService puts the service just read into the configuration.
func (b *builder) keepService() {
	switch n := len(b.cfg.Virtual) + len(b.cfg.Failover); {
	case n > maxServices:
		return
	case n == maxServices:
		b.report(Error, at{line: b.vs.Line}, 0, "", "more than %d services", maxServices)
	}
	b.vs.Servers = slices.Clone(b.servers)
	if b.serviceScope == InFailover {
		b.cfg.Failover = append(b.cfg.Failover, *b.vs)
	} else {
		b.cfg.Virtual = append(b.cfg.Virtual, b.vs.VirtualServer)
	}
}
