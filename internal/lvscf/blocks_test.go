package lvscf

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBlocks: every value is the one that Get finds, in all sample files.
func TestBlocks(t *testing.T) {
	files, err := filepath.Glob("testdata/*.cf")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	checked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checked += compareBlocks(t, file, text)
	}
	if checked < 200 {
		t.Errorf("only %d values compared", checked)
	}
}

// compareBlocks compares Blocks with Get and returns how many values there are.
func compareBlocks(t *testing.T, name string, text []byte) (n int) {
	t.Helper()
	d, err := Parse(name, text)
	if err != nil {
		return 0
	}
	blocks, err := d.Blocks()
	if err != nil {
		return 0
	}
	for _, b := range blocks {
		for _, k := range Keys() {
			if k.In&b.Path.scope() == 0 {
				continue
			}
			want, has, err := d.Get(b.Path, k.Name)
			if got, ok := b.Values[k.Name]; err != nil || ok != has || got != want {
				t.Errorf("%s: %s %s is %q, %v; Get finds %q, %v, %v", name, b.Path, k.Name, got, ok, want, has, err)
			}
			if has {
				n++
			}
		}
	}
	return n
}

func TestBlocksOrder(t *testing.T) {
	d, err := Parse("lvs.cf", []byte("virtual a {\n server x {\n }\n server x {\n  weight = 3\n }\n}\nserial_no = 5\nfailover f {\n}\nvirtual a {\n server x {\n }\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := d.Blocks()
	if err != nil {
		t.Fatal(err)
	}
	second := Ref{Name: "a", N: 1}
	want := []Path{{}, VirtualPath("a"), VirtualPath("a").In("x"), {Virtual: Ref{Name: "a"}, Server: Ref{Name: "x", N: 1}}, FailoverPath("f"),
		{Virtual: second}, {Virtual: second, Server: Ref{Name: "x"}}}
	for i, b := range blocks {
		if i >= len(want) || b.Path != want[i] {
			t.Errorf("block %d is %+v", i, b.Path)
		}
	}
	if len(blocks) != len(want) || blocks[0].Values["serial_no"] != "5" || blocks[3].Values["weight"] != "3" {
		t.Errorf("%+v", blocks)
	}
}
