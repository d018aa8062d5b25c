package cmdline

import (
	"errors"
	"os"
)

// Exit reports how a program ended and returns its exit status, so that a whole main is
//
//	os.Exit(cmdline.Exit("nanny", run(os.Args[1:])))
//
// A *Done is printed on standard output: status 0. Any other error is printed as "name: error" on standard error: status
// 1, or what the error's ExitCode method says. An error with an empty text is not printed.
func Exit(name string, err error) int {
	var done *Done
	switch {
	case err == nil:
		return 0
	case errors.As(err, &done):
		if _, err := os.Stdout.WriteString(done.Text); err != nil {
			return 1
		}
		return 0
	}
	if text := err.Error(); text != "" {
		// Nothing can be done when even this fails; the status still tells.
		_, _ = os.Stderr.WriteString(name + ": " + text + "\n")
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}
