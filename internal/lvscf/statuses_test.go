package lvscf

import "testing"

func TestStatuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"200-399", "200-399"},
		{"200", "200"},
		{"100-100", "100"},
		{"200,301-302,999", "200,301-302,999"},
		{"", ""}, {",", ""}, {"200,", ""}, {"-", ""}, {"200-", ""}, {"-200", ""}, {"99", ""}, {"1000", ""}, {"300-200", ""},
		{"200-300-400", ""}, {"+20", ""}, {"0200", ""}, {"200 ,201", ""}, {"2xx", ""},
	} {
		got, ok := parseStatuses(tt.text)
		if ok != (tt.want != "") || got.String() != tt.want {
			t.Errorf("parseStatuses(%q) = %v, %v, want %q", tt.text, got, ok, tt.want)
		}
	}
}

func FuzzStatuses(f *testing.F) {
	f.Add("200,301-302")
	f.Fuzz(func(t *testing.T, text string) {
		ranges, ok := parseStatuses(text)
		if !ok {
			return
		}
		again, ok := parseStatuses(ranges.String())
		if !ok || again.String() != ranges.String() || len(ranges) == 0 {
			t.Fatalf("%q: %v, then %v", text, ranges, again)
		}
		for _, r := range ranges {
			if r.From < minStatus || r.To > maxStatus || r.To < r.From {
				t.Fatalf("%q: %v", text, ranges)
			}
		}
	})
}

func TestCheckedAt(t *testing.T) {
	vs := VirtualServer{}
	rs := RealServer{Addr: addr("192.0.2.31"), Port: 80}
	at := func(want string) {
		t.Helper()
		if got := vs.CheckedAt(&rs).String(); got != want {
			t.Errorf("CheckedAt = %s, want %s", got, want)
		}
	}
	at("192.0.2.31:80")
	vs.CheckPort = 81
	at("192.0.2.31:81")
	rs.CheckPort = 82
	at("192.0.2.31:82")
	rs.CheckAddr = addr("2001:db8::1")
	at("[2001:db8::1]:82")
}
