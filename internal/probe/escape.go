package probe

import "strings"

// Unescape translates the escapes of send and expect texts, as nanny(8) describes them: \\ \r \n \t \' and \" become one
// character. A text of one character is left alone, and so is any other escape, so that a regular expression keeps its
// backslashes; the original never came back from those.
func Unescape(s string) string {
	if len(s) <= 1 || !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			if plain := escaped(s[i+1]); plain != 0 {
				c = plain
				i++
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// escaped returns what a backslash and c stand for, 0 if nothing special.
func escaped(c byte) byte {
	switch c {
	case '\\', '\'', '"':
		return c
	case 'r':
		return '\r'
	case 'n':
		return '\n'
	case 't':
		return '\t'
	}
	return 0
}
