package passwd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/replace"
)

// DefaultFile is the original's.
const DefaultFile = "/etc/sysconfig/ha/conf/piranha.passwd"

// Limits of a file.
const (
	maxFile    = 1 << 20 // bytes
	maxLine    = 1024    // bytes
	maxAccount = 64      // bytes
)

// Errors of reading and writing a file; errors.Is finds them.
var (
	ErrLarge   = errors.New("the file is larger than 1 MiB")
	ErrAccount = errors.New("an account's name is 1 to 64 printable characters without a colon, and does not begin with #")
)

// LineError is a line that gives no account a password.
type LineError struct {
	Line    int    // counted from 1
	Account string // "" if the line names none
	Err     error
}

// Error names the line, but shows nothing of a hash.
func (e *LineError) Error() string {
	text := "line " + strconv.Itoa(e.Line) + ": "
	if e.Account != "" {
		text += "account " + e.Account + ": "
	}
	return text + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Errors of lines, besides those of Verify and ErrAccount.
var (
	errNoColon  = errors.New("NAME:HASH expected")
	errLongLine = errors.New("the line is longer than 1024 bytes")
	errTwice    = errors.New("an earlier line is for the same account; this one has no effect")
)

// File is a password file with every line of it, those that are wrong as well.
type File struct {
	lines    []string // without line ends
	accounts map[string]int
	problems []*LineError
}

// Parse reads a text. A line that is wrong does not keep the others from counting.
func Parse(text string) *File {
	f := &File{accounts: map[string]int{}}
	if text == "" {
		return f
	}
	f.lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range f.lines {
		account, err := f.take(i, strings.TrimSuffix(line, "\r"))
		if err != nil {
			f.problems = append(f.problems, &LineError{Line: i + 1, Account: account, Err: err})
		}
	}
	return f
}

// take reads line i. The account it returns is one that may be shown.
func (f *File) take(i int, line string) (account string, err error) {
	if len(line) > maxLine {
		return "", errLongLine
	}
	if line == "" || strings.HasPrefix(line, "#") {
		return "", nil
	}
	account, _, colon := strings.Cut(line, ":")
	if !colon {
		return "", errNoColon
	}
	if !ValidAccount(account) {
		return "", ErrAccount
	}
	if _, ok := f.accounts[account]; ok {
		return account, errTwice
	}
	f.accounts[account] = i
	_, err = parse(hashOf(line))
	return account, err
}

// hashOf returns the second field of a line. Some tools keep a comment in a third.
func hashOf(line string) string {
	_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
	hash, _, _ := strings.Cut(rest, ":")
	return hash
}

// ValidAccount tells whether an account may have that name.
func ValidAccount(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return name != "" && len(name) <= maxAccount && name[0] != '#'
}

// Hash returns what is stored for an account, which Verify may not accept. The first line counts, as it does for Apache.
func (f *File) Hash(account string) (string, bool) {
	i, ok := f.accounts[account]
	if !ok {
		return "", false
	}
	return hashOf(f.lines[i]), true
}

// Accounts returns the names of all accounts, sorted.
func (f *File) Accounts() []string { return slices.Sorted(maps.Keys(f.accounts)) }

// Problems returns the lines that are wrong.
func (f *File) Problems() []*LineError { return f.problems }

// with returns the text with another hash for an account. Other lines keep every byte.
func (f *File) with(account, hash string) string {
	lines := append([]string(nil), f.lines...)
	if i, ok := f.accounts[account]; ok {
		lines[i] = account + ":" + hash
	} else {
		lines = append(lines, account+":"+hash)
	}
	return strings.Join(lines, "\n") + "\n"
}

// Read reads a file. A symbolic link is refused, here and by Set and Upgrade: user piranha may write to the directory, and
// must not lead root's piranha-passwd elsewhere.
func Read(path string) (*File, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(text), nil
}

func read(path string) (string, error) {
	f, err := replace.OpenExact(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxFile:
		return "", fmt.Errorf("read %s: %w", path, ErrLarge)
	}
	return string(text), nil
}

// attempts is how often an edit is tried while others write the same file.
const attempts = 10

// Set stores a hash for an account, in a new file if there is none. prepare gives a new file its mode and owner; nil
// means 0600 and whoever runs this.
func Set(path, account, hash string, prepare func(*os.File) error) error {
	if !ValidAccount(account) {
		return ErrAccount
	}
	if prepare == nil {
		prepare = replace.Mode(0o600)
	}
	return edit(path, func(f *File) (string, bool) { return f.with(account, hash), true }, prepare)
}

// Upgrade replaces the hash an account had when its password was verified. If it has another by now, that stays.
func Upgrade(path, account, was, hash string) error {
	return edit(path, func(f *File) (string, bool) {
		if now, _ := f.Hash(account); now != was {
			return "", false
		}
		return f.with(account, hash), true
	}, nil)
}

// edit writes the file anew as change says, again if somebody else wrote it in between. Without prepare no file is made.
func edit(path string, change func(*File) (string, bool), prepare func(*os.File) error) (err error) {
	for range attempts {
		old, readErr := read(path)
		create := errors.Is(readErr, fs.ErrNotExist) && prepare != nil
		if readErr != nil && !create {
			return readErr
		}
		now, ok := change(Parse(old))
		switch {
		case !ok:
			return nil
		case create:
			err = replace.Create(path, now, prepare)
		default:
			err = replace.Exact(path, old, now)
		}
		if !errors.Is(err, replace.ErrChanged) && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
