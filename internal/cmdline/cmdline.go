// Package cmdline reads the command lines of the suite, which are popt's: short and long names in pairs, bundles
// (-nv), values as --long=V, --long V, -cV and -c V, and C integers.
//
// Scripts and /etc/sysconfig/pulse hold such command lines, so what popt accepted is accepted. Abbreviated long names
// are not: popt never took them.
package cmdline

import (
	"errors"
	"time"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// Set is the options of one program.
type Set struct {
	name     string
	synopsis string
	commands []Option // of which only Long and Help are used
	options  []Option
}

// Option describes one option, as the man page should.
type Option struct {
	Short byte   // 0: none
	Long  string // always given, without the dashes
	Arg   string // name of the value in the help; empty for a flag
	Help  string

	set func(value string) error
}

// room is for how many options there is room from the beginning: growing leaves memory behind that a nanny, of which there
// are thousands, never uses again.
const room = 56

// New starts the option set of a program. The synopsis follows the program's name in --help and --usage; the empty one
// means that there is nothing but options.
func New(name, synopsis string) *Set {
	s := &Set{name: name, synopsis: synopsis, options: make([]Option, 0, room)}
	s.Func('?', "help", "", "show this help and exit", func(string) error { return &Done{Text: s.help()} })
	s.Func(0, "usage", "", "show a brief usage message and exit", func(string) error { return &Done{Text: s.usage()} })
	s.Func(0, "version", "", "show the version and exit", func(string) error { return &Done{Text: versionText(s.name)} })
	return s
}

// Bool adds a flag. A short of 0 means that there is only the long name, here and below.
func (s *Set) Bool(p *bool, short byte, long, help string) {
	s.Func(short, long, "", help, func(string) error { *p = true; return nil })
}

// String adds an option with any text as its value, the empty one included.
func (s *Set) String(p *string, short byte, long, arg, help string) {
	s.Func(short, long, arg, help, func(v string) error { *p = v; return nil })
}

// Int adds an option with a C integer, -2147483648 to 4294967295, as its value.
func (s *Set) Int(p *int, short byte, long, arg, help string) {
	s.Func(short, long, arg, help, func(v string) error {
		n, err := scalar.Int(v)
		if err == nil {
			*p = int(n)
		}
		return err
	})
}

// Time adds an option with a time as its value: whole seconds, as ever, or a number with a unit (250ms, 1.5s, 2m).
func (s *Set) Time(p *time.Duration, short byte, long, arg, help string) {
	s.Func(short, long, arg, help, func(v string) error {
		d, err := scalar.Time(v)
		if err == nil {
			*p = d
		}
		return err
	})
}

// Func adds an option whose value is handed to set, in the order of the command line. A flag, which has an empty arg,
// gets "". What set complains about is reported with the option's name in front.
func (s *Set) Func(short byte, long, arg, help string, set func(value string) error) {
	s.options = append(s.options, Option{Short: short, Long: long, Arg: arg, Help: help, set: set})
}

// Command adds to the help what one of the other arguments does. Parse returns those as they are.
func (s *Set) Command(name, help string) {
	s.commands = append(s.commands, Option{Long: name, Help: help})
}

// Letter gives an option that is there already another short name, or its first. Programs that are no successors of the
// original's have other habits for --help and --version.
func (s *Set) Letter(short byte, long string) {
	s.find(func(o *Option) bool { return o.Long == long }).Short = short
}

// Options lists the options in the order they were added, after --help, --usage and --version.
func (s *Set) Options() []Option {
	return append([]Option(nil), s.options...)
}

// Done is the error of Parse when there is nothing left to do but to print Text on standard output and exit with
// status 0: --help, --usage or --version was given.
type Done struct{ Text string }

// Error returns the text itself.
func (d *Done) Error() string { return d.Text }

// Errors of Parse, in front of which it names the option.
var (
	ErrUnknown  = errors.New("unknown option")
	ErrMissing  = errors.New("missing argument")
	ErrNotTaken = errors.New("option does not take an argument")
)

// ArgumentError is a command line that cannot be used: the original's "bad argument OPTION: TEXT".
type ArgumentError struct {
	Option string // as written, with its dashes but without its value
	Err    error
}

// Error names the option and what is wrong with it.
func (e *ArgumentError) Error() string { return "bad argument " + e.Option + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *ArgumentError) Unwrap() error { return e.Err }
