package lvscf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity says what a finding means for a daemon.
type Severity uint8

// Severities. A file with an Error is refused; a Warning is reported and the file is used.
const (
	Warning Severity = iota + 1
	Error
)

// Code is the original's number for a kind of mistake (it printed nothing else), kept for tools that compare.
type Code int

// Codes of the original. CodeEnd and CodeTrailing stand for conditions it had numbers for but never reported.
const (
	CodeEmpty    Code = 1<<30 | 1 // empty configuration
	CodeIO       Code = 1<<30 | 2 // unreadable: too large, or a NUL byte
	CodeQuotes   Code = 1<<30 | 3 // quotation mismatch
	CodeEnd      Code = 4         // unexpected end of file
	CodeTooMany  Code = 5         // unexpected arguments
	CodeEqual    Code = 6         // equal (=) expected after command
	CodeMissing  Code = 7         // missing arguments
	CodeHost     Code = 8         // invalid host name or ip address
	CodeArgument Code = 9         // invalid argument
	CodeInteger  Code = 10        // integer expected
	CodeBoolean  Code = 11        // boolean expected
	CodeUnknown  Code = 12        // unknown command
	CodeList     Code = 13        // list expected
	CodeMask     Code = 16        // bad subnet mask
)

// Finding is one thing that is wrong or doubtful in a file.
type Finding struct {
	File       string // as given to Parse or ReadFile
	Line       int    // counted from 1; 0 for the file as a whole
	Block      string // `virtual "web" server "a"`, "" outside blocks
	Key, Value string // the statement, shortened where it is very long; "" where none is concerned
	Severity   Severity
	Code       Code   // 0 for what the original did not look at
	Text       string // what is wrong
	Hint       string // what to do about it, may be ""
}

// String formats the finding as one line, such as
//
//	lvs.cf:12: virtual "http": port "http2": not a port number or service name
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
	}
	b.WriteString(": ")
	if f.Severity == Warning {
		b.WriteString("warning: ")
	}
	if f.Block != "" {
		b.WriteString(f.Block + ": ")
	}
	if f.Key != "" {
		b.WriteString(printable(f.Key))
		if f.Value != "" {
			b.WriteString(" " + strconv.Quote(f.Value))
		}
		b.WriteString(": ")
	}
	b.WriteString(f.Text)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	return b.String()
}

// Findings is a list of findings. As an error it prints one per line.
type Findings []Finding

// Error joins the findings, one per line.
func (f Findings) Error() string {
	text := make([]string, len(f))
	for i := range f {
		text[i] = f[i].String()
	}
	return strings.Join(text, "\n")
}

// Errors returns the findings of severity Error.
func (f Findings) Errors() Findings { return f.only(Error) }

// Warnings returns the findings of severity Warning.
func (f Findings) Warnings() Findings { return f.only(Warning) }

func (f Findings) only(s Severity) Findings {
	var list Findings
	for i := range f {
		if f[i].Severity == s {
			list = append(list, f[i])
		}
	}
	return list
}

// Err returns the findings of severity Error as one error of type Findings, nil if there are none.
func (f Findings) Err() error {
	if errs := f.Errors(); len(errs) > 0 {
		return errs
	}
	return nil
}

// maxFindings is how many findings are kept. Nobody reads more, and a file that is no lvs.cf at all has millions.
const maxFindings = 1000

// collector gathers findings up to maxFindings and counts the others. Errors have their own list: no number of
// warnings can hide one.
type collector struct {
	file             string
	errors, warnings Findings
	more             int // not kept
	moreErrors       int // not kept, errors only
	lastLine         int // of the last one not kept
}

// room reports whether a finding of this severity will be kept, so that no text is made in vain, and counts it if not.
func (c *collector) room(s Severity, line int) bool {
	if s == Error && len(c.errors) < maxFindings || s == Warning && len(c.warnings) < maxFindings {
		return true
	}
	c.more++
	if s == Error {
		c.moreErrors++
	}
	c.lastLine = max(c.lastLine, line)
	return false
}

// add keeps a finding. The caller has asked room.
func (c *collector) add(f Finding) {
	f.File = c.file
	f.Key, f.Value = clip(f.Key), clip(f.Value)
	if f.Severity == Error {
		c.errors = append(c.errors, f)
	} else {
		c.warnings = append(c.warnings, f)
	}
}

// result returns the findings by line, with a last one about those that were not kept.
func (c *collector) result() Findings {
	kept := c.warnings
	if room := maxFindings - len(c.errors); len(kept) > room {
		for _, f := range kept[room:] {
			c.more++
			c.lastLine = max(c.lastLine, f.Line)
		}
		kept = kept[:room]
	}
	list := slices.Concat(c.errors, kept)
	slices.SortStableFunc(list, func(a, b Finding) int { return a.Line - b.Line })
	if c.more == 0 {
		return list
	}
	rest := Finding{File: c.file, Line: c.lastLine, Severity: Warning, Text: fmt.Sprintf("%d more findings up to here", c.more)}
	if c.moreErrors > 0 {
		rest.Severity = Error
		rest.Text = fmt.Sprintf("%d more findings up to here, %d of them errors", c.more, c.moreErrors)
	}
	rest.Hint = "is this an lvs.cf?"
	if n := len(list); n > 0 {
		rest.Line = max(rest.Line, list[n-1].Line)
	}
	return append(list, rest)
}

// maxShown is how much of a text from the file a finding repeats, in bytes.
const maxShown = 80

// clip shortens a text taken from the file. A copy: a finding may outlive the document.
func clip(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "..."
	}
	return strings.Clone(s)
}

// printable quotes a key that is no plain word, so that a finding is always one harmless line.
func printable(key string) string {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return strconv.Quote(key)
		}
	}
	return key
}
