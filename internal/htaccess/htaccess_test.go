package htaccess

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAllow(t *testing.T) {
	tests := []struct {
		name, text string
		in, out    string // addresses
	}{
		{"nothing", "", "192.0.2.1 ::1", ""},
		{"as shipped", "order deny,allow\nallow from all\n", "192.0.2.1 2001:db8::1", ""},
		{"manual: one address", "order deny,allow\ndeny from all\nallow from 127.0.0.1\n", "127.0.0.1 ::ffff:127.0.0.1", "127.0.0.2 ::1 192.0.2.1"},
		{"manual: partial", "order deny,allow\ndeny from all\nallow from 127.0.0.1\nallow from 172.16.57\n", "127.0.0.1 172.16.57.9", "172.16.58.1 172.165.7.1"},
		{"several on a line", "Order Deny,Allow\nDeny from all\nAllow from 10 192.168. 172.16.5.4", "10.9.8.7 192.168.1.1 172.16.5.4", "11.0.0.1 172.16.5.5"},
		{"network and mask", "deny from all\nallow from 10.1.0.0/255.255.0.0 10.3/16", "10.1.2.3 10.3.9.9", "10.2.0.0"},
		{"network and length", "deny from all\nallow from 10.1.2.0/23 2001:db8::/32", "10.1.3.255 2001:db8:1::1", "10.1.4.0 2001:db9::1"},
		{"host bits", "deny from all\nallow from 10.1.2.77/24", "10.1.2.1", "10.1.3.77"},
		{"deny some", "order allow,deny\nallow from all\ndeny from 10.0.0.0/8", "192.0.2.1", "10.1.1.1"},
		{"order blanks", "order allow, deny\nallow from 10", "10.1.1.1", "192.0.2.1"},
		{"order allow,deny alone", "order allow,deny", "", "127.0.0.1 ::1"},
		{"mutual-failure", "order mutual-failure\nallow from 10\ndeny from 10.9", "10.1.1.1", "10.9.0.1 192.0.2.1"},
		{"deny,allow: allow wins", "deny from 10\nallow from 10.1.1.1", "10.1.1.1 192.0.2.1", "10.1.1.2"},
		{"allow,deny: deny wins", "order allow,deny\ndeny from 10.1.1.1\nallow from 10", "10.1.1.2", "10.1.1.1 192.0.2.1"},
		{"comments, continued", "# deny from all\ndeny \\\n from all\nallow from 10", "10.1.1.1", "192.0.2.1"},
		{"CRLF", "order deny,allow\r\ndeny from all\r\nallow from 10\r\n", "10.1.1.1", "192.0.2.1"},
		{"basic authentication", "AuthType Basic\nAuthName x\nRequire valid-user\nrequire user piranha", "192.0.2.1", ""},

		{"allow by name", "deny from all\nallow from example.com", "", "192.0.2.1"},
		{"deny by name", "deny from example.com\nallow from 10", "10.1.1.1", "192.0.2.1"},
		{"deny by variable", "deny from env=x", "", "192.0.2.1"},
		{"bad mask", "deny from 10.0.0.0/255.0.255.0", "", "192.0.2.1"},
		{"bad length", "deny from 10.0.0.0/33", "", "192.0.2.1"},
		{"bad number", "deny from 300", "", "192.0.2.1"},
		{"require ip", "require ip 10.0.0.0/8", "", "10.1.1.1"},
		{"require all", "Require all granted", "", "10.1.1.1"},
		{"a word", "denyfrom all", "", "10.1.1.1"},
		{"no from", "deny all", "", "10.1.1.1"},
		{"bad order", "order deny", "", "10.1.1.1"},
		{"section", "<IfModule x>\nallow from all", "", "10.1.1.1"},
		{"limit", "<Limit GET>\ndeny from 10\n</Limit>", "192.0.2.1", "10.1.1.1"},
	}
	for _, tt := range tests {
		r, _ := Parse(tt.text)
		for a := range strings.FieldsSeq(tt.in) {
			if !r.Allow(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s is kept out", tt.name, a)
			}
		}
		for a := range strings.FieldsSeq(tt.out) {
			if r.Allow(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s gets in", tt.name, a)
			}
		}
	}
	if (Rules{}).Allow(netip.Addr{}) != true {
		t.Error("without rules an unknown address is kept out")
	}
}

func TestErrors(t *testing.T) {
	text := "order deny,allow\nallow from all\nAuthType Basic\ndeny from x.example 10\nfoo\n<Limit GET>\n"
	_, found := Parse(text)
	var got []string
	for _, err := range found {
		got = append(got, err.Error())
	}
	want := []string{
		"line 3: AuthType is not looked at",
		`line 4: "x.example" keeps everybody out: ` + errWho.Error(),
		`line 5: "foo" is not understood: everybody is kept out`,
		"line 6: the lines of the section count for all methods",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("errors:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzParse: whatever else a text says, what is denied first and never allowed stays out.
func FuzzParse(f *testing.F) {
	f.Add("allow from 10\n")
	f.Add("order allow,deny\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "all") {
			return // allow or from all
		}
		r, _ := Parse("deny from all\n" + text)
		if r.Allow(netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%q lets in whom it does not name", text)
		}
	})
}
