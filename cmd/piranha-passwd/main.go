// Command piranha-passwd sets a password of the web panels. See piranha-passwd(8).
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

func main() { os.Exit(report(run(os.Args[1:]))) }

// errMismatch has the original's text, which it printed without its name in front.
var errMismatch = errors.New("Passwords do not match.") //nolint:staticcheck // the original's

// report is cmdline.Exit, but for the message that scripts know.
func report(err error) int {
	if errors.Is(err, errMismatch) {
		// Nothing can be done when even this fails; the status still tells.
		_, _ = fmt.Fprintln(os.Stderr, errMismatch)
		return 1
	}
	return cmdline.Exit("piranha-passwd", err)
}

// options are the command line's, as piranha-passwd(8) has them.
type options struct {
	account string
	file    string
	stdin   bool
}

func (o *options) set() *cmdline.Set {
	*o = options{account: control.Account, file: passwd.DefaultFile}
	s := cmdline.New("piranha-passwd", "[PASSWORD]")
	s.String(&o.account, 'u', "user", "ACCOUNT", "whose password to set (default piranha)")
	s.Bool(&o.stdin, 0, "stdin", "read the password from standard input, without a dialogue")
	s.String(&o.file, 0, "passwd-file", "FILE", "change FILE (default "+passwd.DefaultFile+")")
	return s
}

func run(args []string) error {
	var o options
	words, err := o.set().Parse(args)
	switch {
	case err != nil:
		return err
	case len(words) > 1:
		return errors.New("unexpected arguments")
	case o.stdin && len(words) == 1:
		return errors.New("either --stdin or PASSWORD")
	case !passwd.ValidAccount(o.account):
		return passwd.ErrAccount
	}
	password, err := o.password(words)
	if err != nil {
		return err
	}
	hash, err := passwd.Hash(password)
	if err != nil {
		return err
	}
	return o.store(hash)
}

// password gets the password in one of the three ways.
func (o *options) password(words []string) (string, error) {
	in := bufio.NewReader(io.LimitReader(os.Stdin, 4096))
	switch {
	case len(words) == 1:
		_, _ = fmt.Fprintln(os.Stderr, "Warning: sensitive information entered on command line.")
		return words[0], nil
	case o.stdin:
		return line(in)
	}
	return ask(in)
}

// ask is the original's dialogue. Without a terminal it reads the two answers all the same.
func ask(in *bufio.Reader) (string, error) {
	defer hideEcho(os.Stdin)()
	var answers [2]string
	for i, prompt := range []string{"New Password: ", "Verify: "} {
		fmt.Print(prompt)
		answer, err := line(in)
		fmt.Println() // the line end that was typed is not seen
		if err != nil {
			return "", err
		}
		answers[i] = answer
		// There is no need to type what cannot be used a second time.
		if i == 0 && answers[0] == "" {
			return "", passwd.ErrEmpty
		}
	}
	if answers[0] != answers[1] {
		return "", errMismatch
	}
	return answers[0], nil
}

// line reads one line, the last of which may lack its end.
func line(in *bufio.Reader) (string, error) {
	text, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), nil
}

// store writes the hash to the file, and says what htpasswd said.
func (o *options) store(hash string) error {
	verb := "Adding"
	if f, err := passwd.Read(o.file); err == nil {
		if _, ok := f.Hash(o.account); ok {
			verb = "Updating"
		}
	}
	if err := passwd.Set(o.file, o.account, hash, ownedByPiranha); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(os.Stderr, "%s password for user %s\n", verb, o.account)
	return nil
}

// ownedByPiranha prepares a new file: the web panels, which run as that user, read and upgrade it, and nobody else.
func ownedByPiranha(f *os.File) error {
	if err := f.Chmod(0o600); err != nil || os.Geteuid() != 0 {
		return err
	}
	account, err := user.Lookup(control.Account)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "piranha-passwd: the file is root's:", err)
		return nil
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	return f.Chown(uid, gid)
}
