package conntab

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Conn
	}{
		{"IPv4", "TCP C6336402 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED     897",
			Conn{Protocol: "TCP", Client: ap("198.51.100.2:54257"), Virtual: ap("198.51.100.80:80"), Server: ap("192.168.10.1:8080"),
				State: "ESTABLISHED", Expires: 897 * time.Second}},
		{"IPv6", "UDP 2001:0db8:0000:0000:0000:0000:0000:0001 0035 2001:0db8:0000:0000:0000:0000:0000:0080 0035 C0A80A01 0035 UDP             299",
			Conn{Protocol: "UDP", Client: ap("[2001:db8::1]:53"), Virtual: ap("[2001:db8::80]:53"), Server: ap("192.168.10.1:53"),
				State: "UDP", Expires: 299 * time.Second}},
		{"template", "TCP C6336402 0000 C6336450 0050 C0A80A01 0050 ASSURED          55",
			Conn{Protocol: "TCP", Client: ap("198.51.100.2:0"), Virtual: ap("198.51.100.80:80"), Server: ap("192.168.10.1:80"),
				State: "ASSURED", Expires: 55 * time.Second, Template: true}},
		{"template of a mark", "IP  C6336402 0000 00000015 0000 C0A80A01 0000 NONE             55",
			Conn{Protocol: "IP", Client: ap("198.51.100.2:0"), Virtual: ap("0.0.0.21:0"), Server: ap("192.168.10.1:0"),
				State: "NONE", Expires: 55 * time.Second, Template: true}},
		{"template of a mark, IPv6", "IP  2001:0db8:0000:0000:0000:0000:0000:0009 0000 0000:0015:0000:0000:0000:0000:0000:0000 0000 " +
			"2001:0db8:0000:0000:0000:0000:0000:0002 0000 NONE             60",
			Conn{Protocol: "IP", Client: ap("[2001:db8::9]:0"), Virtual: ap("[0:15::]:0"), Server: ap("[2001:db8::2]:0"),
				State: "NONE", Expires: 60 * time.Second, Template: true}},
		{"FTP's data", "TCP C6336402 0000 C6336450 D400 C0A80A01 D400 LISTEN           55",
			Conn{Protocol: "TCP", Client: ap("198.51.100.2:0"), Virtual: ap("198.51.100.80:54272"), Server: ap("192.168.10.1:54272"),
				State: "LISTEN", Expires: 55 * time.Second}},
		{"SIP", "UDP C6336402 13C4 C6336450 13C4 C0A80A01 13C4 UDP             299 sip 12@198.51.100.2 x",
			Conn{Protocol: "UDP", Client: ap("198.51.100.2:5060"), Virtual: ap("198.51.100.80:5060"), Server: ap("192.168.10.1:5060"),
				State: "UDP", Expires: 299 * time.Second, Engine: "sip", Data: "12@198.51.100.2 x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(c.line))
			if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestParseFails(t *testing.T) {
	for line, want := range map[string]string{
		"": "less than 9 fields",
		"TCP C6336402 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED":        "less than 9 fields",
		"TCP C63364 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED 897":      `address "C63364": 8 digits expected`,
		"TCP C633640X D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED 897":    `address "C633640X": encoding/hex: invalid byte: U+0058 'X'`,
		"TCP C6336402 1D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED 897":   `port: strconv.ParseUint: parsing "1D3F1": value out of range`,
		"TCP C6336402 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED -1":     `expires: strconv.ParseUint: parsing "-1": invalid syntax`,
		"TCP fe80::1%eth0 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED 89": `address "fe80::1%eth0": IPv6 expected`,
	} {
		if _, err := Parse([]byte(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestMark(t *testing.T) {
	for line, want := range map[string]uint32{
		"IP C6336402 0000 00000015 0000 C0A80A01 0000 NONE 55":                                         21,
		"IP 2001:db8::1 0000 0000:0015:0000:0000:0000:0000:0000:0000 0000 2001:db8::2 0000 ASSURED 55": 21,
		"IP 2001:db8::1 0000 2001:0db8:0000:0000:0000:0000:0000:0080 0000 2001:db8::2 0000 ASSURED 55": 0,
		"TCP C6336402 0000 00000015 0050 C0A80A01 0000 NONE 55":                                        0,
	} {
		c, err := Parse([]byte(line))
		if err != nil || c.Mark() != want {
			t.Errorf("%s: %d, %v; want %d", line, c.Mark(), err, want)
		}
	}
}

const table = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6336402 D3F1 C6336450 0050 C0A80A01 0050 ESTABLISHED     897
TCP C6336402 D3F2 C6336450 0050 C0A80A02 0050 FIN_WAIT        117
`

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, table string
		want        int
		err         string
	}{
		{"no IPVS", "", 0, ""},
		{"no connection", table[:strings.Index(table, "\n")+1], 0, ""},
		{"two", table, 2, ""},
		{"another format", table + "something else\n", 2, "line 4: less than 9 fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			err := Read(t.Context(), strings.NewReader(c.table), func(*Conn) { n++ })
			if n != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Errorf("%d connections, %v; want %d, %s", n, err, c.want, c.err)
			}
		})
	}
}

// TestReadEnds: a caller who is in a hurry gets what there was time for.
func TestReadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := Read(ctx, strings.NewReader(table), func(*Conn) { n++; cancel() })
	if n != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d connections, %v", n, err)
	}
}

func FuzzParse(f *testing.F) {
	for line := range strings.Lines(table) {
		f.Add([]byte(strings.TrimSpace(line)))
	}
	f.Add([]byte("IP 2001:db8::1 0000 0000:0015:: 0000 2001:db8::2 0000 ASSURED 55 sip a b"))
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := Parse(line)
		if err != nil {
			return
		}
		if !c.Client.IsValid() || !c.Virtual.IsValid() || !c.Server.IsValid() || c.State == "" || c.Expires < 0 {
			t.Errorf("%q: %+v", line, c)
		}
		c.Mark()
	})
}

func BenchmarkParse(b *testing.B) {
	line := []byte("TCP C6336402 D3F1 C6336450 0050 C0A80A01 1F90 ESTABLISHED     897")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
