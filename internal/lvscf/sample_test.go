package lvscf

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testLookup knows two names of each kind and needs no network.
var testLookup = fixedLookup(map[string]string{"localhost": "127.0.0.1", "router.example.com": "192.0.2.7"},
	map[string]uint16{"http/tcp": 80, "https/tcp": 443, "smtp/tcp": 25, "domain/tcp": 53, "domain/udp": 53, "tftp/udp": 69})

// sampleLines finds the lines a sample's first comment names: "# line 5: ..." or "# lines 4, 7 and 9: ...".
var sampleLines = regexp.MustCompile(`^# lines? ([0-9, and]+):`)

// TestSamples holds every file in testdata to its name and first line: original-* and superset-* are accepted, and the
// former by the original too; warn-* has warnings and bad-* has errors on exactly the lines named. A .want file beside
// it holds the findings word for word.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.cf")
	if err != nil || len(files) < 6 {
		t.Fatalf("samples = %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found := parseSample(t, filepath.Base(file), text)
			kind, _, _ := strings.Cut(filepath.Base(file), "-")
			named := namedLines(t, text)
			switch kind {
			case "original", "superset":
				if len(found) > 0 {
					t.Errorf("findings:\n%v", found)
				}
				if refused := mustParse(t, string(text)).Original().Errors(); (len(refused) == 0) != (kind == "original") {
					t.Errorf("the original refuses:\n%v", refused)
				}
			case "warn":
				if found.Err() != nil || !slices.Equal(findingLines(found), named) {
					t.Errorf("want warnings on lines %v, got:\n%v", named, found)
				}
			case "bad":
				if !slices.Equal(findingLines(found.Errors()), named) {
					t.Errorf("want errors on lines %v, got:\n%v", named, found)
				}
			default:
				t.Errorf("unknown kind of sample")
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".cf") + ".want")
			if err == nil && found.Error()+"\n" != string(want) {
				t.Errorf("want findings:\n%s\ngot:\n%v", want, found)
			}
		})
	}
}

// parseSample returns the findings, be they Parse's or Config's, and checks that parsing keeps every byte.
func parseSample(t *testing.T, name string, text []byte) Findings {
	t.Helper()
	d, err := Parse(name, text)
	if err != nil {
		return err.(Findings)
	}
	if !bytes.Equal(d.Bytes(), text) {
		t.Errorf("Bytes differ from what was parsed")
	}
	_, found := d.Config(testLookup)
	return found
}

func namedLines(t *testing.T, text []byte) []int {
	t.Helper()
	m := sampleLines.FindSubmatch(text)
	if m == nil {
		return nil
	}
	var list []int
	for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(string(m[1]), -1) {
		no, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, no)
	}
	return list
}

func findingLines(f Findings) []int {
	var list []int
	for i := range f {
		list = append(list, f[i].Line)
	}
	return slices.Compact(list)
}
