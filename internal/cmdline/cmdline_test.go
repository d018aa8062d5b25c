package cmdline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// values is everything a test command line can set.
type values struct {
	nodaemon, verbose bool
	file              string
	number            int
	interval          time.Duration
	method            string
	rest              string
}

func (v *values) set() *Set {
	s := New("demo", "")
	s.Bool(&v.nodaemon, 'n', "nodaemon", "stay in the foreground")
	s.Bool(&v.verbose, 'v', "verbose", "log more")
	s.String(&v.file, 'c', "configfile", "FILE", "read FILE")
	s.Int(&v.number, 'w', "weight", "N", "a number")
	s.Time(&v.interval, 't', "interval", "TIME", "a time")
	s.Func('M', "method", "m|g|i", "one of three", func(value string) error {
		if value == "t" {
			return errors.New("m, g or i expected")
		}
		v.method = value
		return nil
	})
	return s
}

func TestParse(t *testing.T) {
	tests := []struct {
		args string // separated by "|"
		want values
	}{
		{"", values{}},
		{"--configfile=a b", values{file: "a b"}},
		{"--configfile|x", values{file: "x"}},
		{"--configfile=", values{}},
		{"-cx", values{file: "x"}},
		{"-c|x", values{file: "x"}},
		{"-c|-n", values{file: "-n"}},
		{"-c|--", values{file: "--"}},
		{"-nv", values{nodaemon: true, verbose: true}},
		{"-nvcx", values{nodaemon: true, verbose: true, file: "x"}},
		{"-nvc|x", values{nodaemon: true, verbose: true, file: "x"}},
		{"--nodaemon|--verbose", values{nodaemon: true, verbose: true}},
		{"-w0x10", values{number: 16}},
		{"--weight=010", values{number: 8}},
		{"-w|-1", values{number: -1}},
		{"-w1|-w2", values{number: 2}},
		{"-t|10", values{interval: 10 * time.Second}},
		{"-t50ms", values{interval: 50 * time.Millisecond}},
		{"-Mg", values{method: "g"}},
		{"-M|-g", values{method: "-g"}},
		{"a|-v|b", values{verbose: true, rest: "a|b"}},
		{"-v|--|-n|a", values{verbose: true, rest: "-n|a"}},
		{"-", values{rest: "-"}},
	}
	for _, tt := range tests {
		var got values
		rest, err := got.set().Parse(split(tt.args))
		got.rest = strings.Join(rest, "|")
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.args, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		args string
		want string
		is   error
	}{
		{"--foo", "bad argument --foo: unknown option", ErrUnknown},
		{"--foo=1", "bad argument --foo: unknown option", ErrUnknown},
		{"--verb", "bad argument --verb: unknown option", ErrUnknown},
		{"-nX", "bad argument -X: unknown option", ErrUnknown},
		{"-c", "bad argument -c: missing argument", ErrMissing},
		{"-nc", "bad argument -c: missing argument", ErrMissing},
		{"--configfile", "bad argument --configfile: missing argument", ErrMissing},
		{"--verbose=1", "bad argument --verbose: option does not take an argument", ErrNotTaken},
		{"-wx", "bad argument -w: integer expected", scalar.ErrSyntax},
		{"--weight=1x", "bad argument --weight: integer expected", scalar.ErrSyntax},
		{"--weight=4294967296", "bad argument --weight: number out of range", scalar.ErrRange},
		{"-t1h", "bad argument -t: " + scalar.ErrTime.Error(), scalar.ErrTime},
		{"-Mt", "bad argument -M: m, g or i expected", nil},
	}
	for _, tt := range tests {
		var v values
		_, err := v.set().Parse(split(tt.args))
		if err == nil || err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("Parse(%q): got error %v, want %s", tt.args, err, tt.want)
		}
	}
}

func TestDone(t *testing.T) {
	tests := []struct{ args, want string }{
		{"--version|--foo", "Program Version:\tdemo devel\nBuilt:\t\t\tunknown\nA component of:\t\tpiranha-devel-0\n"},
		{"--usage", "Usage: demo [-?nv] [-?|--help] [--usage] [--version] [-n|--nodaemon]\n" +
			"       [-v|--verbose] [-c|--configfile=FILE] [-w|--weight=N]\n" +
			"       [-t|--interval=TIME] [-M|--method=m|g|i]\n"},
		{"-n?", "Usage: demo [OPTION...]\n" +
			"  -n, --nodaemon                  stay in the foreground\n" +
			"  -v, --verbose                   log more\n" +
			"  -c, --configfile=FILE           read FILE\n" +
			"  -w, --weight=N                  a number\n" +
			"  -t, --interval=TIME             a time\n" +
			"  -M, --method=m|g|i              one of three\n\n" +
			"Help options:\n" +
			"  -?, --help                      show this help and exit\n" +
			"      --usage                     show a brief usage message and exit\n" +
			"      --version                   show the version and exit\n"},
	}
	for _, tt := range tests {
		var v values
		_, err := v.set().Parse(split(tt.args))
		var done *Done
		if !errors.As(err, &done) {
			t.Fatalf("Parse(%q): got %v, want *Done", tt.args, err)
		}
		if done.Text != tt.want {
			t.Errorf("Parse(%q):\ngot\n%s\nwant\n%s", tt.args, done.Text, tt.want)
		}
	}
}

func TestHelpWraps(t *testing.T) {
	s := New("demo", "FILE...")
	s.Bool(new(bool), 0, "a-very-long-option-name-indeed-yes", strings.Repeat("word ", 20))
	for line := range strings.SplitSeq(s.help()+s.usage(), "\n") {
		if len(line) > lineWidth {
			t.Errorf("%d columns, want at most %d: %q", len(line), lineWidth, line)
		}
	}
}

func TestCommands(t *testing.T) {
	s := New("demo", "COMMAND")
	s.Bool(new(bool), 'v', "verbose", "log more")
	s.Command("start", "begin")
	want := "Usage: demo [OPTION...] COMMAND\n" +
		"\nCommands:\n  start                           begin\n" +
		"\nOptions:\n  -v, --verbose                   log more\n" +
		"\nHelp options:\n"
	if got := s.help(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if rest, err := s.Parse([]string{"start", "-v"}); err != nil || len(rest) != 1 {
		t.Errorf("Parse = %q, %v", rest, err)
	}
}

func TestExit(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&Done{}, 0},
		{&silent{code: 7}, 7},
		{&silent{code: 0}, 0},
	}
	for _, tt := range tests {
		if got := Exit("demo", tt.err); got != tt.want {
			t.Errorf("Exit(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

// silent is an error that brings its own status and has been reported elsewhere.
type silent struct{ code int }

func (e *silent) Error() string { return "" }
func (e *silent) ExitCode() int { return e.code }

func split(args string) []string {
	if args == "" {
		return nil
	}
	return strings.Split(args, "|")
}
