package loadmon

import (
	"math"
	"strconv"
	"strings"
)

// Kind is what a Reading is of. The zero value: nothing is known.
type Kind uint8

// The kinds.
const (
	Load  Kind = iota + 1 // Value is a load average
	Share                 // Value is a percentage of the configured weight, an integer
)

// Reading is what is known of a server's load. The zero value is nothing: it has its configured weight.
type Reading struct {
	Kind  Kind
	Value float64
}

// maxShare bounds a percentage: more would always be the largest weight.
const maxShare = 100 * maxWeight

// String is the line in which a nanny reports it.
func (r Reading) String() string {
	value := strconv.FormatFloat(r.Value, 'f', -1, 64)
	switch r.Kind {
	case Load:
		return "load " + value
	case Share:
		return "share " + value
	}
	return ""
}

// ParseReading reads what String writes.
func ParseReading(line string) (Reading, bool) {
	word, rest, _ := strings.Cut(line, " ")
	value, err := strconv.ParseFloat(rest, 64)
	switch {
	case err != nil || !(value >= 0) || math.IsInf(value, 0):
		return Reading{}, false
	case word == "load":
		return Reading{Load, value}, true
	case word == "share" && value <= maxShare && value == math.Trunc(value):
		return Reading{Share, value}, true
	}
	return Reading{}, false
}

// Weight is the weight of a server, last being the one before: changes too small to matter are not made.
func (r Reading) Weight(configured, scale, last int) int {
	switch r.Kind {
	case Load:
		if w := Weight(configured, scale, r.Value); Moves(configured, last, w) {
			return w
		}
		return last
	case Share:
		return Percent(configured, int(r.Value))
	}
	return configured
}
