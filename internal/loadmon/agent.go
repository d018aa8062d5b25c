package loadmon

import (
	"errors"
	"strconv"
	"strings"
)

// Agent is what a server says of itself in the agent-check protocol of HAProxy (its manual, agent-check): words such as
// "75%", "drain" or "down #full". The zero value says nothing.
type Agent struct {
	Weight int    // percent of the weight of lvs.cf; -1: it does not say
	State  State  // whether it wants connections
	Down   bool   // it is not able to serve
	Up     bool   // it is, and says so
	Why    string // one line of printable text, perhaps empty
}

// State is whether a server wants connections, as somebody in charge of it has set it there. The zero value: it does not say.
type State uint8

// The states.
const (
	Ready State = iota + 1 // as lvs.cf has it: takes back the others
	Drain                  // no new connections
	Maint                  // out of service
)

var errAgent = errors.New("no agent's word in it")

// maxWhy is how long a reason may be, in bytes.
const maxWhy = 120

// ParseAgent reads an agent's line. Unknown words, such as those that concern HAProxy alone, are passed over, but there
// must be one that is known.
func ParseAgent(line string) (Agent, error) {
	line, _, _ = strings.Cut(line, "\n")
	words, why, _ := strings.Cut(line, "#")
	a := Agent{Weight: -1, Why: printable(why)}
	known := false
	for word := range strings.FieldsFuncSeq(words, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' }) {
		known = a.word(strings.ToLower(word)) || known
	}
	if !known {
		return Agent{Weight: -1}, errAgent
	}
	return a, nil
}

// word takes in a word, and tells whether it is known.
func (a *Agent) word(w string) bool {
	switch w {
	case "up":
		a.Up = true
	case "down", "fail", "failed", "stopped":
		a.Down = true
	case "ready":
		a.State = Ready
	case "drain":
		a.State = Drain
	case "maint":
		a.State = Maint
	default:
		return a.percent(w) || strings.HasPrefix(w, "maxconn:")
	}
	return true
}

func (a *Agent) percent(w string) bool {
	digits, ok := strings.CutSuffix(w, "%")
	if !ok {
		return false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return false
	}
	a.Weight = int(n)
	return true
}

// printable makes one short line of text.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || !strconv.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) > maxWhy {
		text = strings.ToValidUTF8(text[:maxWhy], "")
	}
	return text
}
