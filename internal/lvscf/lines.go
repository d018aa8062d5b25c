package lvscf

import "strings"

// bom is the UTF-8 byte-order mark some editors put in front of a file; the original took it for part of the first key.
const bom = "\uFEFF"

// line is one line of a document, by offsets into its text.
type line struct {
	no    int // counted from 1
	start int // first byte
	end   int // behind the last byte, the line end not counted
	next  int // first byte of the next line
}

// lines cuts a text into lines. LF, CRLF and a lone CR each end a line; the last line may go without.
type lines struct {
	text   string
	pos    int
	no     int
	lf, cr int // next LF and CR at or behind pos: found once each, so that a text without one of them stays linear
}

func newLines(text string) lines {
	l := lines{text: text, lf: -1, cr: -1}
	if strings.HasPrefix(text, bom) {
		l.pos = len(bom)
	}
	return l
}

// next returns the next line, or false at the end of the text.
func (l *lines) next() (line, bool) {
	if l.pos >= len(l.text) {
		return line{}, false
	}
	if l.lf < l.pos {
		l.lf = indexFrom(l.text, l.pos, '\n')
	}
	if l.cr < l.pos {
		l.cr = indexFrom(l.text, l.pos, '\r')
	}
	l.no++
	ln := line{no: l.no, start: l.pos, end: min(l.lf, l.cr)}
	ln.next = min(ln.end+1, len(l.text))
	if l.cr+1 == l.lf && l.lf < len(l.text) {
		ln.next = l.lf + 1
	}
	l.pos = ln.next
	return ln, true
}

// indexFrom returns the offset of the first c at or behind from, or len(s).
func indexFrom(s string, from int, c byte) int {
	if i := strings.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return len(s)
}
