package importer

import (
	"strings"
	"testing"
)

// TestKeepalivedChecks has single checks of one real server and the keys they become.
func TestKeepalivedChecks(t *testing.T) {
	const timed = "timeout = 60|rise = 1|"
	for _, tt := range []struct{ check, keys, note string }{
		{"", "check = none", ""},
		{"TCP_CHECK {\n}", "check = tcp|" + timed + "fall = 2", ""},
		{"TCP_CHECK {\nretry 0\ndelay_loop 0.5\n}", "check = tcp|timeout = 500ms|rise = 1|fall = 1", ""},
		{"TCP_CHECK {\nconnect_port 80\n}", "check = tcp|" + timed + "fall = 2", ""},
		{"TCP_CHECK {\nconnect_port 81\n}", "check = tcp|check_port = 81|" + timed + "fall = 2", ""},
		{"PING_CHECK {\nconnect_port 81\n}", "check = ping|" + timed + "fall = 2", ""},
		{"SMTP_CHECK {\n}", "check = smtp|" + timed + "fall = 2", ""},
		{"DNS_CHECK {\n}", "check = dns|check_host = .|" + timed + "fall = 4", "differs: line 3: check = dns asks over tcp"},
		{"DNS_CHECK {\ntype MX\n}", "check = dns|check_host = .|" + timed + "fall = 4", "differs: line 4: check = dns asks for addresses, not for MX"},
		{"HTTP_GET {\nurl {\n}\n}", `check = http|check_path = "/"|check_status = 200-299|` + timed + "fall = 2", ""},
		{"HTTP_GET {\nurl {\npath /a\ndigest 123\n}\nurl {\npath /b\n}\n}", `check = http|check_path = "/a"|check_status = 200-299|` + timed + "fall = 2",
			"not carried over: line 8: one more url, because lvs.cf has one check_path"},
		{"HTTP_GET {\nurl {\nregex \"a\\\\.b\"\n}\n}", `check = http|check_path = "/"|check_status = 200-299|check_body = "a.b"|` + timed + "fall = 2", ""},
		{"HTTP_GET {\nurl {\nregex \"a|b\"\nregex_no_match\n}\n}", `check = http|check_path = "/"|check_status = 200-299|` + timed + "fall = 2",
			"not carried over: line 5: regex a|b, because lvs.cf has nothing like its regex_no_match"},
		{"virtualhost rs.example.com\nHTTP_GET {\nurl {\nvirtualhost www.example.com\n}\n}", `check = http|check_path = "/"|check_host = www.example.com|check_status = 200-299|` + timed + "fall = 2", ""},
		{"virtualhost rs.example.com\nSSL_GET {\nurl {\n}\n}", `check = https|check_path = "/"|check_host = rs.example.com|check_status = 200-299|check_verify = 0|` + timed + "fall = 2", ""},
		{"MISC_CHECK {\nmisc_path /bin/check 10.0.0.11\n}", `send_program = "/bin/check 10.0.0.11"|check = script|` + timed + "fall = 1", "differs: line 3: a program runs as user piranha"},
		{"MISC_CHECK {\nmisc_path \"/bin/check %h\"\n}", "check = none", "PLEASE SET: line 3: check; with check = none"},
		{"MISC_CHECK {\nmisc_path \"/bin/check \\\"a b\\\" 'c d' e\"\n}", "check = none", "PLEASE SET: line 3: check; with check = none"},
		{"FILE_CHECK {\n}", "check = none", "PLEASE SET: line 3: check; with check = none"},
		{"TCP_CHECK {\n}\nPING_CHECK {\n}", "check = tcp|" + timed + "fall = 2", "not carried over: line 5: PING_CHECK with all in it, because lvs.cf has one check"},
		{"TCP_CHECK {\nbindto 10.0.0.2\n}", "check = tcp|check_source = 10.0.0.2|" + timed + "fall = 2", "differs: line 4: the two routers"},
	} {
		text := "virtual_server 192.0.2.10 80 {\nreal_server 10.0.0.11 80 {\n" + tt.check + "\n}\n}\n"
		judgeCheck(t, "keepalived", text, tt.keys, tt.note)
	}
}

// TestLdirectordChecks is the same for ldirectord, whose check depends on the port.
func TestLdirectordChecks(t *testing.T) {
	const timed = "timeout = 10|rise = 1|fall = 1"
	for _, tt := range []struct{ port, options, keys, note string }{
		{"80", "", `check = http|check_path = "/"|` + timed, ""},
		{"80", "request=/a?b\nreceive=OK", `check = http|check_path = "/a?b"|check_body = "OK"|` + timed, ""},
		{"80", "receive=a.c", `use_regex = 1|check = http|check_path = "/"|check_body = "a[^\n]c"|` + timed, ""},
		{"443", "virtualhost=\"www.example.com\"", `check = https|check_path = "/"|check_host = www.example.com|check_verify = 0|` + timed, "differs: line 1: certificates are not looked at"},
		{"21", "", "check = tcp|" + timed, "differs: line 1: service = ftp: check = tcp makes a connection, no more"},
		{"995", "", "check = tls|check_verify = 0|" + timed, "differs: line 1: service = pops"},
		{"587", "", "check = smtp|" + timed, ""},
		{"53", "request=www.example.com", "check = dns|check_host = www.example.com|" + timed, ""},
		{"53", "request=192.0.2.1", "check = dns|check_host = .|" + timed, "differs: line 4: check = dns asks for the root"},
		{"53", "checktype=connect", "check = ping|" + timed, ""},
		{"99", "", "check = none", ""},
		{"99", "service=simpletcp\nrequest=\"a\\n\"\nreceive=\"b\"", `send = "a\n"|expect = "b"|use_regex = 1|check = tcp|` + timed, ""},
		{"99", "checktype=connect\nfailurecount=3", "check = tcp|timeout = 10|rise = 1|fall = 3", ""},
		{"99", "checktype=ping\ncheckport=7", "check = ping|" + timed, ""},
		{"99", "checktype=external", `send_program = "/bin/true 192.0.2.10 99 %h %p"|check = script|` + timed, "differs: line 4: a program runs as user piranha"},
		{"1812", "", "check = none", "PLEASE SET: line 1: check; with check = none"},
	} {
		text := "virtual=192.0.2.10:" + tt.port + "\n\tquiescent=no\n\treal=10.0.0.11:" + tt.port + " gate\n"
		for option := range strings.Lines(tt.options) {
			text += "\t" + strings.TrimSuffix(option, "\n") + "\n"
		}
		judgeCheck(t, "ldirectord", text, tt.keys, tt.note)
	}
}

// judgeCheck compares the keys about checks, and looks for a note.
func judgeCheck(t *testing.T, format, text, keys, note string) {
	t.Helper()
	r, err := formats[format]([]byte(text), Options{File: "source", Device: "eth0", Lookup: names})
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	var got []string
	for line := range strings.Lines(r.Text) {
		line = strings.TrimSpace(line)
		key, _, _ := strings.Cut(line, " = ")
		switch key {
		case "send", "expect", "send_program", "use_regex", "timeout", "rise", "fall", "check", "check_path", "check_host", "check_status", "check_body",
			"check_verify", "check_port", "check_source", "quiesce_server":
			got = append(got, line)
		}
	}
	if have := strings.Join(got, "|"); have != keys {
		t.Errorf("%s:\n got %s\nwant %s", text, have, keys)
	}
	for _, n := range r.Notes {
		if note != "" && strings.HasPrefix(n.String(), note) {
			return
		}
	}
	if note != "" {
		t.Errorf("%s: no note %q in %v", text, note, r.Notes)
	}
}
