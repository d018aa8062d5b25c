package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	const rules = "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 1\n"
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "rules"), filepath.Join(dir, "bad")
	for path, text := range map[string]string{good: rules, bad: "-A -t 192.0.2.10:80\n-A -t 192.0.2:80\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args          []string
		in            string
		out, messages string // parts
		err           string
	}{
		{[]string{"ipvsadm", good, "eth0"}, "", "     address = 192.0.2.10 eth0:1\n", "piranhactl: import: 4 to be set (PLEASE SET), 0 not carried over", ""},
		{[]string{"ipvsadm", good, ""}, "", "     # address = 192.0.2.10 DEVICE:1\n", "piranhactl: import: 5 to be set", ""},
		{[]string{"ipvsadm", "-", "eth0"}, rules, "# Made of standard input by", "4 to be set", ""},
		{[]string{"ipvsadm", bad, "eth0"}, "", "", "", bad + `:2: "192.0.2" is no address`},
		{[]string{"ipvsadm", good, "eth/0"}, "", "", "", good + `: device "eth/0": not a device name`},
		{[]string{"ipvsadm", "-", ""}, "", "", "", "standard input: no virtual server in it: is this what ipvsadm -S prints?"},
		{[]string{"ipvsadm", good + "x", ""}, "", "", "", "failed to read " + good + "x: no such file or directory"},
		{[]string{"haproxy", good, ""}, "", "", "", `unknown format "haproxy": say import keepalived|ldirectord|ipvsadm FILE`},
	} {
		var out, messages bytes.Buffer
		err := importFile(tt.args[0], tt.args[1], tt.args[2], strings.NewReader(tt.in), &out, &messages)
		switch {
		case tt.err != "":
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) || out.Len() > 0 || messages.Len() > 0 {
				t.Errorf("%v: %v, want %s; printed %q, %q", tt.args, err, tt.err, &out, &messages)
			}
		case err != nil || !strings.Contains(out.String(), tt.out) || !strings.Contains(messages.String(), tt.messages):
			t.Errorf("%v: %v, printed %q, %q", tt.args, err, &out, &messages)
		}
	}
}
