package cmdline

import (
	"errors"
	"strings"
)

// Parse reads the arguments, without the program's name, and returns those that are not options. Options and other
// arguments may be mixed; "--" ends the options. The error is a *Done or an *ArgumentError.
func (s *Set) Parse(args []string) (rest []string, err error) {
	for len(args) > 0 && err == nil {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = s.long(arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = s.bundle(arg[1:], args)
		default:
			rest = append(rest, arg)
		}
	}
	return rest, err
}

// long handles one --name, --name=value or --name value and returns the arguments it left.
func (s *Set) long(arg string, args []string) ([]string, error) {
	name, value, inline := strings.Cut(arg, "=")
	o := s.find(func(o *Option) bool { return o.Long == name[2:] })
	switch {
	case o == nil:
		return nil, &ArgumentError{Option: name, Err: ErrUnknown}
	case o.Arg == "" && inline:
		return nil, &ArgumentError{Option: name, Err: ErrNotTaken}
	case o.Arg == "" || inline:
		return args, o.apply(name, value)
	case len(args) == 0:
		return nil, &ArgumentError{Option: name, Err: ErrMissing}
	}
	// Whatever follows is the value, even if it starts with a dash: `-w -1` and `-s --` are popt's way too.
	return args[1:], o.apply(name, args[0])
}

// bundle handles what follows a single dash: flags, the last of which may be an option whose value is the remaining
// text or the next argument.
func (s *Set) bundle(letters string, args []string) ([]string, error) {
	for i := range len(letters) {
		name := "-" + letters[i:i+1]
		o := s.find(func(o *Option) bool { return o.Short == letters[i] })
		switch {
		case o == nil:
			return nil, &ArgumentError{Option: name, Err: ErrUnknown}
		case o.Arg == "":
			if err := o.apply(name, ""); err != nil {
				return nil, err
			}
		case i+1 < len(letters):
			return args, o.apply(name, letters[i+1:])
		case len(args) > 0:
			return args[1:], o.apply(name, args[0])
		default:
			return nil, &ArgumentError{Option: name, Err: ErrMissing}
		}
	}
	return args, nil
}

func (s *Set) find(match func(*Option) bool) *Option {
	for i := range s.options {
		if match(&s.options[i]) {
			return &s.options[i]
		}
	}
	return nil
}

// apply sets the option; a *Done passes through as it is.
func (o *Option) apply(name, value string) error {
	err := o.set(value)
	if done := (*Done)(nil); err == nil || errors.As(err, &done) {
		return err
	}
	return &ArgumentError{Option: name, Err: err}
}
