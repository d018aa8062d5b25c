package loadmon

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for output, want := range map[string]float64{
		" 10:15:01 up 3 days,  2:11,  1 user,  load average: 0.52, 0.58, 0.59\n": 0.52,  // Linux
		" 10:15:01 up 3 days,  2:11,  1 user,  load average: 0,52, 0,58, 0,59\n": 0.52,  // Linux in German
		"10:15AM  up 3 days,  2:11, 1 user, load averages: 12.40, 0.31, 0.22\n":  12.40, // FreeBSD
		"10:15  up 3 days,  2:11, 2 users, load averages: 1.40 1.31 1.22\n":      1.40,  // macOS
		"     real1    up   3 days,  2:11,    load average: 0.10, 0.20, 0.30\n":  0.10,  // rup
		"real1         up   3+02:11,     1 user,   load 0.10, 0.20, 0.30\n":      0.10,  // ruptime
		"download1  up 3 days, load average: 0.25, 0.2, 0.1":                     0.25,
		"load: 3 ":          3,
		"load=2.5":          2.5,
		"1.25\n":            1.25,
		"0":                 0,
		"LOAD AVERAGE: 1.5": 1.5,
	} {
		if got, err := Parse(output); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", output, got, err, want)
		}
	}
	for _, output := range []string{"", "load", "load average:", "load average: x", "ssh: connect to host real1: refused", "1.2.3", "-1", "load average: -1", strings.Repeat("9", 400)} {
		if got, err := Parse(output); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", output, got)
		}
	}
}

// TestWeight: figures of reference piranha-lvs-nanny.md 3.7, each from the configured weight.
func TestWeight(t *testing.T) {
	for _, tt := range []struct {
		configured, scale int
		load              float64
		want              int
	}{
		{100, 10, 0, 150},
		{100, 10, 0.875, 125},
		{100, 10, 1, 100},
		{100, 10, 0.9999999, 100},
		{100, 10, 9, 100},
		{100, 1, 0, 100},
		{1, 10, 0, 1},
		{2, 10, 0, 3},
		{0, 10, 0, 0},
		{65535, 10, 0, 65535},
		{100, 10, -1, 100},
		{100, 10, math.NaN(), 100},
		{100, 10, math.Inf(1), 100},
	} {
		if got := Weight(tt.configured, tt.scale, tt.load); got != tt.want {
			t.Errorf("Weight(%d, %d, %v) = %d, want %d", tt.configured, tt.scale, tt.load, got, tt.want)
		}
	}
	if Moves(100, 100, 124) || !Moves(100, 100, 125) || !Moves(100, 150, 100) || Moves(1, 1, 1) || !Moves(1, 1, 2) {
		t.Error("Moves: a quarter of the configured weight counts")
	}
	for percent, want := range map[int]int{0: 0, 1: 1, 50: 4, 100: 7, 200: 14, -5: 0} {
		if got := Percent(7, percent); got != want {
			t.Errorf("Percent(7, %d) = %d, want %d", percent, got, want)
		}
	}
	if got := Percent(65535, 65535); got != 65535 {
		t.Errorf("Percent beyond the largest weight: %d", got)
	}
}

func TestParseAgent(t *testing.T) {
	for line, want := range map[string]Agent{
		"75%\n":                      {Weight: 75},
		"up 100%\r\n":                {Weight: 100, Up: true},
		"drain":                      {Weight: -1, State: Drain},
		"maint #disk":                {Weight: -1, State: Maint, Why: "disk"},
		"ready up\tmaxconn:30,50%":   {Weight: 50, State: Ready, Up: true},
		"down # out of \x1b[1mdisks": {Weight: -1, Down: true, Why: "out of [1mdisks"},
		"stopped":                    {Weight: -1, Down: true},
		"FAIL":                       {Weight: -1, Down: true},
		"strange up":                 {Weight: -1, Up: true},
		"up\ndown":                   {Weight: -1, Up: true},
		"0%":                         {Weight: 0},
	} {
		if got, err := ParseAgent(line); err != nil || got != want {
			t.Errorf("ParseAgent(%q) = %+v, %v, want %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"", "\n", "#up", "HTTP/1.0 400 Bad Request", "%", "-1%", "99999999%", "5"} {
		if got, err := ParseAgent(line); err == nil {
			t.Errorf("ParseAgent(%q) = %+v, want an error", line, got)
		}
	}
}

func TestReading(t *testing.T) {
	for _, tt := range []struct {
		reading Reading
		text    string
		last    int // weight before, of 100 configured
		want    int
	}{
		{Reading{}, "", 150, 100},
		{Reading{Load, 0}, "load 0", 100, 150},
		{Reading{Load, 0.99}, "load 0.99", 100, 100}, // 110: not worth it
		{Reading{Load, 12.5}, "load 12.5", 150, 100},
		{Reading{Share, 50}, "share 50", 100, 50},
		{Reading{Share, 99}, "share 99", 100, 99}, // somebody has said so: not for us to judge
		{Reading{Share, 0}, "share 0", 100, 0},
	} {
		if got := tt.reading.String(); got != tt.text {
			t.Errorf("%+v as text: %q, want %q", tt.reading, got, tt.text)
		}
		if got, ok := ParseReading(tt.text); got != tt.reading || ok != (tt.text != "") {
			t.Errorf("ParseReading(%q) = %+v, %v", tt.text, got, ok)
		}
		if got := tt.reading.Weight(100, DefaultScale, tt.last); got != tt.want {
			t.Errorf("%+v: weight %d after %d, want %d", tt.reading, got, tt.last, tt.want)
		}
	}
	for _, text := range []string{"load", "load x", "load -1", "load 1 2", "share 1e9", "load NaN", "up", "share 1.5"} {
		if got, ok := ParseReading(text); ok {
			t.Errorf("ParseReading(%q) = %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("load average: 0,52, 0,58")
	f.Add("real1         up   3+02:11,     1 user,   load 0.10, 0.20, 0.30")
	f.Add("10:15  up 3 days,  2:11, 2 users, load averages: 1.40 1.31 1.22")
	f.Fuzz(func(t *testing.T, output string) {
		if load, err := Parse(output); err == nil && (load < 0 || math.IsNaN(load) || math.IsInf(load, 0)) {
			t.Errorf("Parse(%q) = %v", output, load)
		} else if w := Weight(100, DefaultScale, load); w < 100 || w > 150 {
			t.Errorf("weight %d for %q", w, output)
		}
	})
}

// FuzzReading: what one writes the other reads, and whatever is read makes a weight that the kernel takes.
func FuzzReading(f *testing.F) {
	f.Add("load 0.25", uint16(100), uint16(150))
	f.Add("share 6553500", uint16(65535), uint16(0))
	f.Fuzz(func(t *testing.T, line string, configured, last uint16) {
		r, ok := ParseReading(line)
		if !ok {
			return
		}
		if again, ok := ParseReading(r.String()); !ok || again != r {
			t.Errorf("%q is %+v, written %q, which is %+v", line, r, r.String(), again)
		}
		if w := r.Weight(int(configured), DefaultScale, int(last)); w < 0 || w > maxWeight || w == 0 && configured > 0 && last > 0 && r.Value > 0 {
			t.Errorf("%q: weight %d of %d after %d", line, w, configured, last)
		}
	})
}

func FuzzParseAgent(f *testing.F) {
	f.Add("up 50% #why")
	f.Add("drain,75%\tmaxconn:30 # \x1b[1m")
	f.Fuzz(func(t *testing.T, line string) {
		a, _ := ParseAgent(line)
		if !utf8.ValidString(a.Why) || strings.ContainsAny(a.Why, "\n\r\x00\x1b") || len(a.Why) > maxWhy || a.Weight < -1 {
			t.Errorf("ParseAgent(%q) = %+v", line, a)
		}
	})
}
