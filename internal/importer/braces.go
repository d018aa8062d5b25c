package importer

import (
	"strings"
)

// node is a statement of keepalived.conf: its words and, in braces, those that belong to it.
type node struct {
	line     int
	words    []string
	block    bool // has braces, be there anything in them or not
	children []*node
	opaque   bool // not to be understood without what keepalived does to the text: a parameter, condition, sequence or list
}

// maxDepth is how deep braces may be nested. keepalived.conf itself needs five.
const maxDepth = 16

// braces is a parser of keepalived.conf, line by line as keepalived reads it.
type braces struct {
	line  int
	stack []*node // the blocks around the current place; the first is the file
	words []string
	begun int // line of words
}

// parseBraces makes a tree of a text.
func parseBraces(text string) (*node, error) {
	p := &braces{stack: []*node{{}}}
	continued := false // a definition of a parameter
	for line := range strings.Lines(text) {
		p.line++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimLeft(line, " \t")
		switch {
		case continued:
			continued = strings.HasSuffix(trimmed, `\`)
			continue
		case isDefinition(trimmed):
			name, _, _ := strings.Cut(trimmed, "=")
			p.add(&node{line: p.line, words: []string{name}, opaque: true})
			continued = strings.HasSuffix(trimmed, `\`)
			continue
		case strings.HasPrefix(trimmed, "~"):
			if err := p.sequence(trimmed); err != nil {
				return nil, err
			}
			continue
		}
		if err := p.read(line); err != nil {
			return nil, err
		}
	}
	if open := p.stack[len(p.stack)-1]; len(p.stack) > 1 {
		return nil, at(open.line, "this block is never closed: %s", bare(strings.Join(open.words, " ")))
	}
	return p.stack[0], nil
}

// isDefinition recognises $NAME=VALUE.
func isDefinition(line string) bool {
	name, _, found := strings.Cut(line, "=")
	return found && len(name) > 1 && name[0] == '$' && isParameter(name[1:])
}

// isParameter reports whether a text is the name of a parameter.
func isParameter(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

// sequence takes a line of ~SEQ or ~LST, whose braces are its own but for the last one.
func (p *braces) sequence(line string) error {
	words := strings.Fields(line)
	n := &node{line: p.line, words: words, opaque: true}
	if words[len(words)-1] != "{" {
		p.add(n)
		return nil
	}
	n.words = words[:len(words)-1]
	p.add(n)
	return p.open()
}

func (p *braces) add(n *node) {
	top := p.stack[len(p.stack)-1]
	top.children = append(top.children, n)
}

// flush makes a statement of the words so far.
func (p *braces) flush() {
	if len(p.words) > 0 {
		p.add(&node{line: p.begun, words: p.words, opaque: strings.HasPrefix(p.words[0], "@")})
		p.words = nil
	}
}

// open begins the block of the statement before it.
func (p *braces) open() error {
	p.flush()
	top := p.stack[len(p.stack)-1]
	if len(top.children) == 0 || top.children[len(top.children)-1].block {
		return at(p.line, "a { that belongs to nothing")
	}
	if len(p.stack) > maxDepth {
		return at(p.line, "more than %d blocks in one another", maxDepth)
	}
	n := top.children[len(top.children)-1]
	n.block = true
	p.stack = append(p.stack, n)
	return nil
}

func (p *braces) close() error {
	p.flush()
	if len(p.stack) == 1 {
		return at(p.line, "a } too many")
	}
	p.stack = p.stack[:len(p.stack)-1]
	return nil
}

// read takes a line apart.
func (p *braces) read(line string) error {
	for i := 0; i < len(line); {
		switch c := line[i]; c {
		case ' ', '\t', '\f', '\v':
			i++
		case '#', '!':
			i = len(line)
		case '{', '}':
			err := p.close
			if c == '{' {
				err = p.open
			}
			if err := err(); err != nil {
				return err
			}
			i++
		default:
			word, end, ok := readWord(line, i)
			if !ok {
				return at(p.line, "a quote that is never closed")
			}
			if len(p.words) == 0 {
				p.begun = p.line
			}
			p.words = append(p.words, word)
			i = end
		}
	}
	p.flush()
	return nil
}

// readWord reads the word at i: up to a blank, a brace or a comment that are not in quotes. Braces of ${NAME} belong to it.
func readWord(line string, i int) (word string, end int, ok bool) {
	var b strings.Builder
	for i < len(line) {
		switch c := line[i]; c {
		case ' ', '\t', '\f', '\v', '#', '!', '{', '}':
			return b.String(), i, true
		case '"', '\'':
			text, next, ok := readQuoted(line, i)
			if !ok {
				return "", 0, false
			}
			b.WriteString(text)
			i = next
		case '$':
			n := 1
			if strings.HasPrefix(line[i:], "${") {
				if closing := strings.IndexByte(line[i:], '}'); closing > 0 {
					n = closing + 1
				}
			}
			b.WriteString(line[i : i+n])
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), i, true
}

// readQuoted reads from one quote to the next of its kind, with escapes as in a shell's $'...'.
func readQuoted(line string, i int) (text string, end int, ok bool) {
	var b strings.Builder
	quote := line[i]
	for i++; i < len(line); i++ {
		switch line[i] {
		case quote:
			return b.String(), i + 1, true
		case '\\':
			if i+1 == len(line) {
				return "", 0, false
			}
			c, n := unescape(line[i+1:])
			b.WriteByte(c)
			i += n
		default:
			b.WriteByte(line[i])
		}
	}
	return "", 0, false
}

// unescape reads what stands behind a backslash: a character, and how many bytes it takes.
func unescape(s string) (c byte, n int) {
	if at := strings.IndexByte("abEfnrtv", s[0]); at >= 0 {
		return "\a\b\x1b\f\n\r\t\v"[at], 1
	}
	switch {
	case s[0] == 'c' && len(s) > 1:
		return s[1] & 0x1f, 2
	case s[0] == 'x' && len(s) > 1 && hexDigit(s[1]) >= 0:
		for n = 1; n < len(s) && hexDigit(s[n]) >= 0; n++ {
			c = c<<4 | byte(hexDigit(s[n]))
		}
		return c, n
	case s[0] >= '0' && s[0] <= '7':
		for n = 0; n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '7'; n++ {
			c = c<<3 | (s[n] - '0')
		}
		return c, n
	}
	return s[0], 1
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }
