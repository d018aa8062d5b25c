package probe

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func script(t *testing.T, c Check, command string) Result {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	s, err := NewScript([]string{"/bin/sh", "-c", command}, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Run()
	if r.Duration <= 0 {
		t.Errorf("%s: duration %v", command, r.Duration)
	}
	return r
}

// TestScript is the table of reference piranha-lvs-nanny.md 3.5, with its defects mended.
func TestScript(t *testing.T) {
	ok := Check{Expect: "OK", HasExpect: true}
	for _, tt := range []struct {
		check   Check
		command string
		want    Outcome
		reason  string
	}{
		{ok, "echo OK", Up, ""},
		{ok, "printf OK", Up, ""}, // the original cut the last letter off
		{ok, "printf 'OK\n\n'", Mismatch, `expected "OK", got "OK\n"`},
		{ok, "echo OK; echo more", Mismatch, `expected "OK", got "OK\nmore"`},
		{ok, "echo NO", Mismatch, `expected "OK", got "NO"`},
		{ok, "true", Mismatch, `expected "OK", got ""`},
		{ok, "echo OK; exit 1", ProgramFailed, "program exited with status 1"}, // the original: up
		{ok, "echo OK; kill -9 $$", ProgramKilled, "program terminated with signal 9"},
		{Check{}, "true", Up, ""}, // the original: down
		{Check{}, "echo whatever", Up, ""},
		{Check{}, "false", ProgramFailed, "program exited with status 1"},
		{Check{HasExpect: true}, "true", Up, ""},
		{Check{HasExpect: true}, "echo", Up, ""},
		{Check{HasExpect: true}, "echo x", Mismatch, `expected "", got "x"`},
		{Check{Expect: "*", HasExpect: true}, "echo x", Mismatch, `expected "*", got "x"`},
		{Check{Timeout: 20 * time.Millisecond}, "sleep 3600", ProgramTimeout, "program timed out after 20ms"},
	} {
		r := script(t, tt.check, tt.command)
		if r.Outcome != tt.want || r.Reason() != tt.reason {
			t.Errorf("%+v, %s: %v %q, want %v %q", tt.check, tt.command, r.Outcome, r.Reason(), tt.want, tt.reason)
		}
	}
}

// TestScriptMuchOutput: what does not fit cannot be what is expected.
func TestScriptMuchOutput(t *testing.T) {
	expect := make([]byte, 64<<10)
	for i := range expect {
		expect[i] = 'x'
	}
	c := Check{Expect: string(expect), HasExpect: true}
	if r := script(t, c, "head -c 65536 /dev/zero | tr '\\0' x"); r.Outcome != Up {
		t.Errorf("64 KiB as expected: %v %s", r.Outcome, r.Reason())
	}
	if r := script(t, c, "head -c 65537 /dev/zero | tr '\\0' x"); r.Outcome != Mismatch || r.Got != 65537 {
		t.Errorf("a byte more than expected: %v %d", r.Outcome, r.Got)
	}
}

func TestNewScript(t *testing.T) {
	if _, err := NewScript(nil, nil, Check{Timeout: 1}); err != errCommand {
		t.Errorf("no command: %v", err)
	}
	if _, err := NewScript([]string{"x"}, nil, Check{}); err != errTimeout {
		t.Errorf("no timeout: %v", err)
	}
	if _, err := NewScript([]string{"x"}, nil, Check{Timeout: 1, Expect: string(make([]byte, 1<<17))}); err != errExpect {
		t.Errorf("expects too much: %v", err)
	}
	s, err := NewScript([]string{"/none/such"}, nil, Check{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Run(); r.Outcome != NotStarted || r.Errno != unix.ENOENT || r.Reason() != "program cannot be run: no such file or directory" {
		t.Errorf("no such program: %+v", r)
	}
}
