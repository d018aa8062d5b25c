package lvscf

import (
	"slices"
	"strings"
	"time"
)

// Scope is a set of places in a file.
type Scope uint8

// Places where a key may stand. The two kinds of service block take the same keys.
const (
	InGlobal Scope = 1 << iota
	InVirtual
	InFailover
	InServer

	inService = InVirtual | InFailover
)

// String names the place as error messages do.
func (s Scope) String() string {
	switch s {
	case InGlobal:
		return "the global part"
	case InVirtual:
		return "a virtual block"
	case InFailover:
		return "a failover block"
	case inService:
		return "a virtual or failover block"
	case InServer:
		return "a server block"
	}
	return "nowhere"
}

// Kind is the type of a key's value.
type Kind uint8

// Kinds of values.
const (
	Text     Kind = iota + 1 // any text
	Integer                  // C integer: decimal, 0x hexadecimal, leading-0 octal
	Boolean                  // 0 or 1
	Seconds                  // C integer, whole seconds
	Time                     // like Seconds; with a unit (250ms, 1.5s, 2m) an extension
	Port                     // number or service name
	Host                     // address or host name
	Address                  // address
	Floating                 // address or host name, then a device: 192.0.2.10 eth0:1
	Mask                     // dotted mask; a prefix length is an extension
	Choice                   // one word out of Choices
	List                     // [ word word ]
	Statuses                 // numbers and ranges from 100 to 999: 200,301-302
)

// String names the kind as lvs.cf(5) does.
func (k Kind) String() string {
	if k < Text || k > Statuses {
		return "invalid"
	}
	return [...]string{"text", "integer", "0 or 1", "seconds", "time", "port", "host", "address", "host and device",
		"mask", "choice", "list", "statuses"}[k-1]
}

// Key describes one key: the single source for reading, checking, suggestions, Original and the manual page.
type Key struct {
	Name      string
	In        Scope
	Kind      Kind
	Default   string   // as it would stand in a file, "" for none
	Choices   []string // words a Choice accepts
	Extension bool     // unknown to the original
	Newer     []string // those of Choices the original does not know
	Quoted    bool     // written with quotes always, as the original's own tools do
	Meaning   string   // one line, without a full stop

	min, max int64         // bounds of an Integer or Port; both 0 for none
	atLeast  time.Duration // lower bound of a Time
	nonzero  bool          // an Address or Host that must not be 0.0.0.0
	set      func(t *target, v value)
	doubt    func(v value) string // text of a warning about a valid value, "" for none
	refuse   func(text string) problem
}

// Keys returns the description of every key, in the order of lvs.cf(5).
func Keys() []Key {
	list := slices.Clone(keys[:])
	for i := range list {
		list[i].Choices, list[i].Newer = slices.Clone(list[i].Choices), slices.Clone(list[i].Newer)
	}
	return list
}

// levels are the depths of nesting a key can be at: both kinds of service block are one.
const levels = 3

func (s Scope) level() int {
	switch {
	case s&InGlobal != 0:
		return 0
	case s&inService != 0:
		return 1
	}
	return 2
}

// keyIndex finds a key's place in keys by level and name.
var keyIndex = func() (index [levels]map[string]int) {
	for i := range index {
		index[i] = make(map[string]int, len(keys))
	}
	for i := range keys {
		index[keys[i].In.level()][keys[i].Name] = i
	}
	return index
}()

// findKey returns the place in keys of a key as it may stand in the given scope, -1 for an unknown one.
func findKey(in Scope, name string) int {
	if i, ok := keyIndex[in.level()][name]; ok {
		return i
	}
	return -1
}

// suggest says what may have been meant by an unknown key, "" without an idea.
func suggest(in Scope, name string) string {
	if len(name) > 40 {
		return ""
	}
	best, distance := "", 3
	if len(name) <= 4 {
		distance = 2
	}
	lower := strings.ToLower(name)
	for i := range keys {
		k := &keys[i]
		switch {
		case k.Name == name:
			return name + " belongs into " + k.In.String()
		case k.In.level() != in.level():
			continue
		case k.Name == lower:
			return "keys are written in lower case: " + k.Name
		case len(name) >= 4 && strings.HasPrefix(k.Name, lower+"_"):
			best, distance = k.Name, 1
		}
		if d := editDistance(lower, k.Name); d < distance {
			best, distance = k.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance counts the letters to insert, delete, replace or swap with their neighbour to get from a to b.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
