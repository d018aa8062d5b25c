package main

import (
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
)

func TestHistory(t *testing.T) {
	d := newDaemons(t)
	at := time.Date(2026, 11, 21, 12, 0, 0, 123e6, time.Local)
	d.history = []lvs.HistoryStatus{
		{Virtual: "a web & more", Server: "one", Address: "10.0.0.1:80", Results: []lvs.CheckStatus{
			{Time: at, Duration: 0.000812}, {Time: at.Add(time.Second), Duration: 2.0001, Reason: "connect timed out after 2s\x1b"}}},
		{Virtual: "a web & more", Server: "two", Address: "10.0.0.2:80", Results: []lvs.CheckStatus{}},
	}
	one := `a web & more one, 10.0.0.1:80
  2026-11-21 12:00:00.123  812µs  passed
  2026-11-21 12:00:01.123  2s     failed: connect timed out after 2s?
`
	two := `a web & more two, 10.0.0.2:80
  no check yet
`
	for _, tt := range []struct {
		args         []string
		want, failed string
	}{
		{[]string{"history", "a web & more"}, one + "\n" + two, ""},
		{[]string{"history", "a web & more", "one"}, one, ""},
		{[]string{"history", "a web & more", "three"}, "", "lvsd: no active virtual server or real server of that name"},
	} {
		if out, failed := d.do(t, tt.args...); out != tt.want || failed != tt.failed {
			t.Errorf("%q: %q\n%s\nwant\n%s", tt.args, failed, out, tt.want)
		}
	}
	if out, failed := d.do(t, "history", "--json", "a web & more", "two"); failed != "" || !strings.Contains(out, `"results": []`) {
		t.Errorf("as JSON: %q, %s", failed, out)
	}
}
