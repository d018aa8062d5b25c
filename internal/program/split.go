package program

import "strings"

// Split takes a command line of lvs.cf apart at blanks. Quotes, single or double, at the beginning of a word or after = keep
// blanks in the word and are taken off; there are no escapes and there is no shell. Other quotes, and one without its pair,
// are ordinary characters, as every quote was in the original.
func Split(line string) []string {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == ' ':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		case (c == '\'' || c == '"') && (!begun || line[i-1] == '='):
			begun = true
			end := strings.IndexByte(line[i+1:], c)
			if end < 0 {
				word.WriteByte(c)
				break
			}
			word.WriteString(line[i+1 : i+1+end])
			i += 1 + end
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// Expand puts the address and port of the server to check in for %h and %p, whether that is a whole word, as in the
// original, or part of one.
func Expand(words []string, address, port string) []string {
	r := strings.NewReplacer("%h", address, "%p", port)
	expanded := make([]string, len(words))
	for i, w := range words {
		expanded[i] = r.Replace(w)
	}
	return expanded
}
