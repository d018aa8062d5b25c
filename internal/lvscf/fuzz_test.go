package lvscf

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// addSamples seeds a fuzz target with the samples and the snippets of the reference.
func addSamples(f *testing.F, add func(text []byte)) {
	files, err := filepath.Glob("testdata/*.cf")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(text)
	}
	for _, tt := range refused {
		add([]byte(snippet(tt.text)))
	}
	add([]byte(bom + "virtual 'a b' {\r\rport=80 # x\r\n\tserver \"s\" {\n}}\n}"))
}

// FuzzParse checks that parsing keeps every byte, that nothing panics, that findings point into the file, and that what
// the original accepts is accepted here unless it is on the list of deliberate differences.
func FuzzParse(f *testing.F) {
	addSamples(f, func(text []byte) { f.Add(text) })
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse("lvs.cf", text)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Bytes(), text) {
			t.Fatal("Bytes differ from what was parsed")
		}
		last := 1
		all := newLines(d.text)
		for ln, ok := all.next(); ok; ln, ok = all.next() {
			last = ln.no
		}
		cfg, found := d.Config(testLookup)
		original := d.Original()
		for _, list := range []Findings{found, original} {
			before := 0
			for _, x := range list {
				if x.Line < 1 || x.Line > last || x.Line < before || x.Text == "" || x.Severity == 0 || strings.ContainsAny(x.String(), "\n\r") {
					t.Fatalf("finding %+v in a file of %d lines", x, last)
				}
				before = x.Line
			}
		}
		for _, x := range found.Errors() {
			if x.Code != 0 && x.Code != CodeArgument && x.Code != CodeMask && len(original) == 0 {
				t.Fatalf("the original accepts what is refused here: %v", x)
			}
		}
		if cfg.Service == 0 || cfg.Network == 0 || cfg.Keepalive <= 0 || cfg.SyncdID < 0 || cfg.SyncdID > 255 {
			t.Fatalf("Config = %+v", cfg)
		}
		d.Digest()
	})
}

// FuzzToken checks that a value survives being read by both rules in the way the table of the reference says: what the
// original reads without complaint is read here with the same meaning.
func FuzzToken(f *testing.F) {
	for _, tt := range valueTable {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\n\r\x00") {
			return
		}
		line := "rsh_command = " + text + "\n"
		d, err := Parse("lvs.cf", []byte(line))
		if err != nil {
			t.Fatal(err)
		}
		cfg, found := d.Config(Lookup{})
		if len(d.Original()) > 0 || strings.Contains(text, "#") {
			return // a comment may begin here that the original does not know
		}
		var st statement
		all := newLines(line)
		ln, _ := all.next()
		st.parse(line, ln)
		st.collect(line, originalToken)
		if want := st.tok[0].value(line); len(found) > 0 || cfg.RshCommand != want {
			t.Fatalf("%q: got %q, want %q as the original has it\n%v", text, cfg.RshCommand, want, found)
		}
	})
}

// FuzzEdit makes random edits in any document and compares each effect with a model.
func FuzzEdit(f *testing.F) {
	addSamples(f, func(text []byte) {
		for seed := range uint64(20) {
			f.Add(text, seed)
		}
	})
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		d, err := Parse("lvs.cf", text)
		if err != nil {
			return
		}
		if _, err := d.outline(); err != nil || !model(d).frontLoaded() {
			return
		}
		e := editor{t: t, d: d, r: rand.New(rand.NewPCG(seed, 0))}
		for range 8 {
			e.step()
		}
	})
}
