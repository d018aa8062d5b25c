package lvscf

import (
	"errors"
	"testing"
)

func TestStatement(t *testing.T) {
	for _, tt := range []struct {
		in         Scope
		key, value string
		want       string
		err        error
	}{
		{InGlobal, "network", "direct", `network = direct`, nil},
		{InVirtual, "address", "192.0.2.10 eth0:1", `address = 192.0.2.10 eth0:1`, nil},
		{InVirtual, "expect", "OK", `expect = "OK"`, nil},
		{InVirtual, "send_program", `/bin/a "b c" %h`, `send_program = '/bin/a "b c" %h'`, nil},
		{InVirtual, "load_monitor", "agent 9000", `load_monitor = "agent 9000"`, nil},
		{InServer, "weight", "3", `weight = 3`, nil},
		{InVirtual, "expect", "a\nb", "", ErrValue},
		{InVirtual, "expect", `'a" b' "c`, "", ErrValue},
		{InServer, "scheduler", "rr", "", ErrKey},
	} {
		got, err := Statement(tt.in, tt.key, tt.value)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Statement(%s, %q): %q, %v", tt.key, tt.value, got, err)
		}
	}
}
