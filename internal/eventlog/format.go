package eventlog

import (
	"strconv"
	"unicode/utf8"
)

// maxEvent is the longest event in bytes, without name or header: RFC 3164 asks for 1024 at most.
const maxEvent = 960

// ellipsis ends an event that was cut.
const ellipsis = "..."

// appendEvent appends the message and its keys and values as one line: what a real server answered can be part of a
// value, and must not be able to forge log lines or to steer a terminal.
func appendEvent(b []byte, msg string, kv []string) []byte {
	start := len(b)
	b = appendMessage(b, msg)
	for len(kv) > 0 && len(b)-start <= maxEvent {
		b = append(append(b, ' '), kv[0]...)
		b = append(b, '=')
		if len(kv) == 1 {
			return append(b, "MISSING"...) // a mistake of the caller that should show, not crash
		}
		b = appendValue(b, kv[1])
		kv = kv[2:]
	}
	return limit(b, start)
}

// appendMessage appends text with control characters and broken UTF-8 written as escapes.
func appendMessage(b []byte, s string) []byte {
	s = s[:min(len(s), maxEvent+1)]
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if broken := r == utf8.RuneError && size == 1; broken || !strconv.IsPrint(r) {
			quoted := strconv.AppendQuote(nil, s[:size])
			b = append(b, quoted[1:len(quoted)-1]...)
		} else {
			b = append(b, s[:size]...)
		}
		s = s[size:]
	}
	return b
}

// appendValue appends s, in quotes if it would not read as one word.
func appendValue(b []byte, s string) []byte {
	s = s[:min(len(s), maxEvent+1)]
	if plain(s) {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c >= 0x7f {
			return false
		}
	}
	return s != ""
}

// limit cuts what was written from start on to maxEvent bytes, between characters.
func limit(b []byte, start int) []byte {
	if len(b)-start <= maxEvent {
		return b
	}
	end := start + maxEvent - len(ellipsis)
	for end > start && !utf8.RuneStart(b[end]) {
		end--
	}
	return append(b[:end], ellipsis...)
}
