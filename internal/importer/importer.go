package importer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// MaxSize is the largest source that is read, in bytes.
const MaxSize = 8 << 20

// maxServers is the largest number of real servers an import may have, all virtual servers together: as many as lvs.cf may.
const maxServers = 262144

// Options are what a source does not say.
type Options struct {
	File   string // its name, for messages
	Device string // of floating addresses the source names none for, such as eth0; "" leaves those to the operator
	Lookup lvscf.Lookup
}

// Result is an import.
type Result struct {
	Text  string // an lvs.cf that passes check
	Notes []Note // the comments in it, in order
}

// Asked counts what the operator has to set.
func (r *Result) Asked() int {
	n := 0
	for _, note := range r.Notes {
		if note.Kind == PleaseSet {
			n++
		}
	}
	return n
}

// Kind says what a note is about.
type Kind uint8

// Kinds of notes.
const (
	NotCarried Kind = iota + 1 // lvs.cf has nothing like it
	Differs                    // it is carried over, and works in another way
	PleaseSet                  // only the operator knows
)

// String is how the note's comment begins.
func (k Kind) String() string {
	return [...]string{"note", "not carried over", "differs", "PLEASE SET"}[k]
}

// Note is one comment.
type Note struct {
	Kind  Kind
	Lines []int // of the source; empty if it concerns no line
	Text  string
}

// line is the first line a note is about, 0 for none.
func (n Note) line() int {
	if len(n.Lines) == 0 {
		return 0
	}
	return n.Lines[0]
}

// last is the last line a note is about, 0 for none.
func (n Note) last() int {
	if len(n.Lines) == 0 {
		return 0
	}
	return n.Lines[len(n.Lines)-1]
}

// maxLines is how many line numbers are named in one note.
const maxLines = 6

// String is the note without the comment's mark.
func (n Note) String() string {
	var b strings.Builder
	b.WriteString(n.Kind.String() + ": ")
	switch len(n.Lines) {
	case 0:
	case 1:
		fmt.Fprintf(&b, "line %d: ", n.Lines[0])
	default:
		b.WriteString("lines ")
		for i, line := range n.Lines {
			if i == maxLines {
				fmt.Fprintf(&b, " and %d more", len(n.Lines)-i)
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%d", line)
		}
		b.WriteString(": ")
	}
	b.WriteString(n.Text)
	return b.String()
}

// notes are those of one place.
type notes struct {
	list  []Note
	index map[noteKey]int // into list
}

type noteKey struct {
	kind Kind
	text string
}

// add appends a note, or lines to one that says the same.
func (l *notes) add(k Kind, lines []int, text string) {
	i, ok := l.index[noteKey{k, text}]
	if !ok {
		if l.index == nil {
			l.index = make(map[noteKey]int)
		}
		i = len(l.list)
		l.index[noteKey{k, text}] = i
		l.list = append(l.list, Note{Kind: k, Text: text})
	}
	n := &l.list[i]
	for _, line := range lines {
		if line > 0 && n.last() != line {
			n.Lines = append(n.Lines, line)
		}
	}
}

// take adds the notes of another place.
func (l *notes) take(from notes) {
	for _, n := range from.list {
		l.add(n.Kind, n.Lines, n.Text)
	}
}

func (l *notes) lost(line int, format string, args ...any) {
	l.add(NotCarried, []int{line}, fmt.Sprintf(format, args...))
}

func (l *notes) differs(line int, format string, args ...any) {
	l.add(Differs, []int{line}, fmt.Sprintf(format, args...))
}

func (l *notes) ask(line int, text string) { l.add(PleaseSet, []int{line}, text) }

// Error is what is wrong with a source.
type Error struct {
	File string
	Line int // 0: the source as a whole
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// at makes an Error of a line; File is set at the end.
func at(line int, format string, args ...any) *Error {
	return &Error{Line: line, Text: fmt.Sprintf(format, args...)}
}

// quote shows a piece of the source in one line of a message, shortened.
func quote(s string) string {
	const most = 60
	s = strings.ToValidUTF8(s, "?")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// bare is quote without the quotes, for statements named in notes.
func bare(s string) string {
	q := quote(s)
	return q[1 : len(q)-1]
}

// reader fills a model from a source.
type reader func(f *file, text string) error

// run reads a source and writes what it says.
func run(text []byte, o Options, command, format string, read reader) (*Result, error) {
	f := &file{o: o, command: command}
	err := f.sound(text)
	if err == nil {
		err = read(f, strings.TrimPrefix(string(text), "\ufeff"))
	}
	switch {
	case err != nil || len(f.virtual) > 0:
	case f.portless > 0:
		err = at(f.portless, "a virtual server for all ports, which lvs.cf has for firewall marks only, and there is no other")
	default:
		err = at(0, "no virtual server in it: is this %s?", format)
	}
	if err == nil {
		err = f.settle()
	}
	var r *Result
	if err == nil {
		r, err = f.write()
	}
	if err == nil {
		return r, nil
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // readers make it themselves, nothing wraps it
		e.File = o.File
	}
	return nil, err
}

// sound refuses what is no text.
func (f *file) sound(text []byte) error {
	if why := lvscf.DeviceProblem(f.o.Device); f.o.Device != "" && why != "" {
		return at(0, "device %s: %s", quote(f.o.Device), why)
	}
	if len(text) > MaxSize {
		return at(0, "larger than %d MB", MaxSize>>20)
	}
	line := 1
	for _, c := range text {
		switch c {
		case '\n':
			line++
		case 0:
			return at(line, "a NUL byte: this is no text")
		}
	}
	return nil
}
