package importer

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// writer makes the text of an lvs.cf, and keeps the notes that went into it.
type writer struct {
	b     strings.Builder
	notes []Note
	err   error
}

// write writes the model, and reads it back as the daemons would.
func (f *file) write() (*Result, error) {
	w := &writer{}
	w.comment("", "Made of "+bare(f.o.File)+" by piranhactl import "+f.command+". Read the comments before it is used.")
	f.askRouters()
	w.annotate("", f.notes)
	w.line("", "")
	w.pairs("", lvscf.InGlobal, append(f.global, pair{key: "serial_no", value: "1"}, pair{key: "service", value: "lvs"}))
	for _, v := range f.virtual {
		w.virtual(v)
		if w.b.Len() > lvscf.MaxSize {
			return nil, at(v.line, "the lvs.cf would be larger than %d MB", lvscf.MaxSize>>20)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	r := &Result{Text: w.b.String(), Notes: w.notes}
	doc, err := lvscf.Parse("the lvs.cf made of it", []byte(r.Text))
	if err != nil {
		return nil, at(0, "%v", err)
	}
	if _, findings := doc.Config(f.o.Lookup); len(findings.Errors()) > 0 {
		return nil, at(0, "%v", findings.Errors()[0])
	}
	return r, nil
}

// askRouters asks for what no source says, unless its reader has done so already.
func (f *file) askRouters() {
	drafted := func(key string) bool {
		return slices.ContainsFunc(f.global, func(p pair) bool { return p.key == key })
	}
	if !drafted("primary") {
		f.notes.ask(0, "primary, the address of the router that serves first")
		f.global = append(f.global, pair{"primary", "ADDRESS", true})
	}
	if !drafted("backup") {
		f.notes.ask(0, "backup and backup_active = 1, if there is a second router")
		f.global = append(f.global, pair{"backup", "ADDRESS", true}, pair{"backup_active", "1", true})
	}
	if slices.ContainsFunc(f.virtual, func(v *virtual) bool { return slices.Contains(v.set, pair{"vip_nmask", "MASK", true}) }) {
		f.notes.ask(0, "vip_nmask, the mask of each floating address; without it an IPv4 address has the mask of its class")
	}
	if f.reachedBy("nat") && !drafted("nat_router") {
		f.notes.ask(0, "nat_router and nat_nmask, if the real servers have a floating address of the routers as their gateway")
		f.global = append(f.global, pair{"nat_router", "ADDRESS DEVICE:1", true}, pair{"nat_nmask", "MASK", true})
	}
}

// reachedBy reports whether a real server is, by the whole file's rule or its own.
func (f *file) reachedBy(way string) bool {
	return slices.Contains(f.global, pair{key: "network", value: way}) || slices.ContainsFunc(f.virtual, func(v *virtual) bool {
		return slices.ContainsFunc(v.servers, func(s *server) bool { return s.forward.way == way })
	})
}

func (w *writer) line(indent, text string) {
	if text != "" {
		w.b.WriteString(indent + text)
	}
	w.b.WriteByte('\n')
}

func (w *writer) comment(indent, text string) { w.line(indent, "# "+text) }

// annotate writes notes: what is asked for first, then by the lines of the source.
func (w *writer) annotate(indent string, from notes) {
	list := slices.Clone(from.list)
	slices.SortStableFunc(list, func(a, b Note) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.line(), b.line()))
	})
	for _, n := range list {
		w.comment(indent, n.String())
	}
	w.notes = append(w.notes, list...)
}

// pairs writes keys in the order of lvs.cf(5).
func (w *writer) pairs(indent string, in lvscf.Scope, list []pair) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b pair) int { return cmp.Compare(place(in, a.key), place(in, b.key)) })
	for _, p := range list {
		if p.draft {
			w.comment(indent, p.key+" = "+p.value)
			continue
		}
		text, err := lvscf.Statement(in, p.key, p.value)
		if err != nil && w.err == nil {
			w.err = at(0, "%v %s", err, quote(p.value))
		}
		w.line(indent, text)
	}
}

// order lists the keys of each scope.
var order = map[lvscf.Scope][]string{
	lvscf.InGlobal:  keysOf(lvscf.InGlobal),
	lvscf.InVirtual: keysOf(lvscf.InVirtual),
	lvscf.InServer:  keysOf(lvscf.InServer),
}

func keysOf(in lvscf.Scope) (names []string) {
	for _, k := range lvscf.Keys() {
		if k.In&in != 0 {
			names = append(names, k.Name)
		}
	}
	return names
}

func place(in lvscf.Scope, key string) int { return slices.Index(order[in], key) }

// Indentation as the original's tools have it.
const (
	indent1 = "     "
	indent2 = "         "
)

func (w *writer) virtual(v *virtual) {
	w.line("", "")
	w.annotate("", v.notes)
	w.line("", "virtual "+v.name+" {")
	w.pairs(indent1, lvscf.InVirtual, v.set)
	names := make(unique)
	for _, s := range v.servers {
		w.server(s, names, v.port)
	}
	w.line("", "}")
}

func (w *writer) server(s *server, names unique, port uint16) {
	name := s.host.text
	if names[name] > 0 && s.port != port {
		name += "-" + strconv.Itoa(int(s.port))
	}
	w.line(indent1, "server "+names.of(name, name)+" {")
	list := []pair{
		{key: "address", value: s.host.text}, {key: "active", value: "1"}, {key: "weight", value: strconv.Itoa(int(s.weight))},
	}
	if s.off {
		list[1].value = "0"
	}
	put := func(key, value string, wanted bool) {
		if wanted {
			list = append(list, pair{key: key, value: value})
		}
	}
	put("port", strconv.Itoa(int(s.port)), s.port != port)
	put("forward", s.forward.way, s.forward.way != "")
	put("upper_threshold", strconv.FormatUint(uint64(s.upper), 10), s.upper > 0)
	put("lower_threshold", strconv.FormatUint(uint64(s.lower), 10), s.lower > 0)
	put("check_address", s.checkAddr.text, s.checkAddr.text != "")
	put("check_port", strconv.Itoa(int(s.checkPort)), s.checkPort > 0)
	w.pairs(indent2, lvscf.InServer, list)
	w.line(indent1, "}")
}
