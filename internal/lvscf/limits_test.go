package lvscf

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// noise is text that is no lvs.cf.
func noise() map[string]string {
	const size = noiseSize
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, size)
	for i := range random {
		random[i] = byte(1 + r.IntN(255))
	}
	var words strings.Builder
	for words.Len() < size {
		fmt.Fprintf(&words, "%x%c", r.Uint32(), " \t\n={}\"'#"[r.IntN(9)])
	}
	many := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var names strings.Builder
	for i := 0; names.Len() < size; i++ {
		fmt.Fprintf(&names, "virtual v%d {\nactive=1\n}\n", i)
	}
	return map[string]string{
		"random bytes":     string(random),
		"random words":     words.String(),
		"one line":         many("x"),
		"one line, words":  many("x "),
		"one list":         "virtual v {\ndirs = [ " + many("x ") + "]\n}\n",
		"one name":         "virtual " + many("x") + " {\n}\n",
		"braces":           many("{"),
		"braces, lines":    many("{\n"),
		"closing braces":   many("}"),
		"closing, lines":   many("}\n"),
		"openers":          many("virtual x {\n"),
		"servers":          many("server x {\n"),
		"servers in one":   "virtual v {\n" + many("server x {\n}\n") + "}\n",
		"names":            many("virtual x {\n}\n"),
		"different names":  names.String(),
		"keys":             many("keepalive=1\n"),
		"quotes":           many(`"`),
		"quotes, value":    "send_program = " + many(`"\" `),
		"quotes, escaped":  "rsh_command = \"" + many(`\"     `) + "x",
		"carriage returns": many("\r"),
		"CR lines":         many("a = 1\r"),
		"CR LF":            many("\r\n"),
		"numbers":          "keepalive = " + many("9"),
		"addresses":        many("primary = h\n"),
	}
}

// busy is how long this thread has had a processor: others that want one make no difference.
func busy(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestNoiseIsCheap gives every kind of noise far more time than it takes: a step that is not linear takes minutes.
func TestNoiseIsCheap(t *testing.T) {
	const limit = 5 * time.Second
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, text := range noise() {
		start := busy(t)
		d := mustParse(t, text)
		cfg, found := d.Config(testLookup)
		took := busy(t) - start
		if took > limit {
			t.Errorf("%s: took %v", name, took)
		}
		if len(found) > maxFindings+1 {
			t.Errorf("%s: %d findings", name, len(found))
		}
		if len(found) > maxFindings && !strings.Contains(found[maxFindings].Text, "more findings") {
			t.Errorf("%s: last finding: %v", name, found[maxFindings])
		}
		for _, f := range found {
			if len(f.String()) > 1000 || strings.ContainsAny(f.String(), "\n\r\x1b") {
				t.Errorf("%s: unfit for one line: %.2000q", name, f.String())
				break
			}
		}
		start = busy(t)
		if n := len(d.Original()); n > maxFindings+1 {
			t.Errorf("%s: Original: %d findings", name, n)
		}
		original := busy(t) - start
		if original > limit {
			t.Errorf("%s: Original took %v", name, original)
		}
		t.Logf("%-16s %4d ms, Original %4d ms, %5d virtual servers, %4d findings", name, took.Milliseconds(), original.Milliseconds(), len(cfg.Virtual), len(found))
	}
}

// No number of warnings hides an error.
func TestErrorBehindWarnings(t *testing.T) {
	d := mustParse(t, strings.Repeat("keepalive = 1\n", 5000)+"foo = 1\n")
	_, found := d.Config(testLookup)
	errs := found.Errors()
	if len(errs) == 0 || errs[0].Line != 5001 || len(found) != maxFindings+1 {
		t.Errorf("errors = %v of %d findings", errs, len(found))
	}
	if last := found[len(found)-1]; last.Text != "4000 more findings up to here" {
		t.Errorf("last finding: %v", last)
	}
}

// large is a configuration of many services, as a generator writes it.
func large(services, servers int) []byte {
	var b bytes.Buffer
	b.WriteString("primary = 192.0.2.1\nnetwork = direct\n")
	for i := range services {
		fmt.Fprintf(&b, "virtual service-%d {\n     active = 1\n     address = 10.%d.%d.1 eth0:1\n     port = 80\n     send = \"GET / HTTP/1.0\\r\\n\\r\\n\"\n"+
			"     expect = \"HTTP\"\n     scheduler = wlc\n     protocol = tcp\n     timeout = 6\n     reentry = 15\n", i, i/250, i%250)
		for j := range servers {
			fmt.Fprintf(&b, "     server real-%d {\n         address = 10.%d.%d.%d\n         active = 1\n         weight = 1\n     }\n", j, 100+i/250, i%250, j+1)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

func TestLargeWithoutFindings(t *testing.T) {
	d := mustParse(t, string(large(2000, 18)))
	cfg, found := d.Config(Lookup{})
	if len(found) > 0 || len(cfg.Virtual) != 2000 || len(cfg.Virtual[1999].Servers) != 18 {
		t.Errorf("%d virtual servers, findings:\n%v", len(cfg.Virtual), found)
	}
}

// BenchmarkConfig reads 2,000 virtual servers of 18 real servers each. The bar is 150 ms and 64 MB on one core.
func BenchmarkConfig(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	text := large(2000, 18)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d, err := Parse("lvs.cf", text)
		if err != nil {
			b.Fatal(err)
		}
		if _, found := d.Config(Lookup{}); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

// BenchmarkSet changes one server of the same file.
func BenchmarkSet(b *testing.B) {
	d, err := Parse("lvs.cf", large(2000, 18))
	if err != nil {
		b.Fatal(err)
	}
	p := VirtualPath("service-1000").In("real-7")
	weights := []string{"2", "3"}
	for i := 0; b.Loop(); i++ {
		if err := d.Set(p, "weight", weights[i%2]); err != nil {
			b.Fatal(err)
		}
	}
}
