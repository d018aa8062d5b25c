package importer

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// formats are the readers by the directory of their files.
var formats = map[string]func([]byte, Options) (*Result, error){
	"ipvsadm":    Ipvsadm,
	"keepalived": Keepalived,
	"ldirectord": Ldirectord,
}

// names are what the tests can look up.
var names = lvscf.Lookup{
	Host: func(name string) (netip.Addr, error) {
		switch name {
		case "www.example.com":
			return netip.MustParseAddr("192.0.2.80"), nil
		case "one.example.com":
			return netip.MustParseAddr("10.0.0.11"), nil
		case "six.example.com":
			return netip.MustParseAddr("2001:db8::6"), nil
		}
		return netip.Addr{}, errors.New("not found")
	},
	Service: func(name, _ string) (uint16, error) {
		if port, ok := map[string]uint16{"http": 80, "https": 443, "domain": 53, "smtp": 25}[name]; ok {
			return port, nil
		}
		return 0, errors.New("not found")
	},
}

// TestGolden compares whole results. With UPDATE=1 it writes them; read the difference then.
func TestGolden(t *testing.T) {
	for format, read := range formats {
		files, err := filepath.Glob(filepath.Join("testdata", format, "*.in"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", format, err)
		}
		for _, path := range files {
			t.Run(format+"/"+filepath.Base(path), func(t *testing.T) {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				o := Options{File: filepath.Base(path), Lookup: names}
				if strings.HasSuffix(path, "-device.in") || strings.HasSuffix(path, "numeric.in") {
					o.Device = "eth0"
				}
				r, err := read(text, o)
				if err != nil {
					t.Fatal(err)
				}
				golden := strings.TrimSuffix(path, ".in") + ".lvs.cf"
				if os.Getenv("UPDATE") != "" {
					if err := os.WriteFile(golden, []byte(r.Text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(r.Text, "s3cr3t") {
					t.Error("a secret is shown")
				}
				if r.Text != string(want) {
					t.Errorf("got:\n%s\nwant:\n%s", r.Text, want)
				}
			})
		}
	}
}
