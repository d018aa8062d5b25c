// Package loadmon reads how loaded a real server is and computes its weight from that. It is pure.
package loadmon

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// DefaultScale bounds a weight: at most so many times the one of lvs.cf (nanny's --scale).
const DefaultScale = 10

// maxWeight is the largest weight of a real server, in the original's table as in lvs.cf.
const maxWeight = 65535

// Weight is the weight of a server whose load average is load and whose weight in lvs.cf is configured. An idle one gets
// up to half as much again, one with a load of 1 or more its own: the original's formula (reference: piranha-lvs-nanny.md
// 3.7), but always from the configured weight, where the original went on from the one before and so grew without end.
func Weight(configured, scale int, load float64) int {
	w := float64(configured)
	switch {
	case math.IsNaN(load) || load < 0:
		return configured
	case load < 1:
		w = min(w+w/2*math.Cbrt(1-load), w*float64(scale))
	case load > 1:
		w = max(w-w/2*math.Cbrt(load-1), w)
	}
	return min(max(int(w), 0), maxWeight)
}

// Moves tells whether a change of the weight is worth making: a quarter of the configured one, as in the original.
func Moves(configured, from, to int) bool {
	return to != from && math.Abs(float64(to-from)) >= float64(configured)/4
}

// Percent is a part of a weight, at least 1 unless that is 0 or nothing.
func Percent(configured, percent int) int {
	return min((configured*max(percent, 0)+99)/100, maxWeight)
}

// errLoad is the error of Parse.
var errLoad = errors.New("no load average in it")

// Parse finds the one-minute load average in what uptime, rup, ruptime or a command of one's own printed, on Linux, BSD and
// others: the first number after "load average" or the like, or after "load"; or the whole output, if that is a number.
func Parse(output string) (float64, error) {
	if load, rest := number(strings.TrimSpace(output)); rest == "" && load >= 0 {
		return load, nil
	}
	lower := strings.ToLower(output)
	// A host may be called download1: the longest words first.
	for _, word := range []string{"load average", "load"} {
		for at := 0; ; {
			i := strings.Index(lower[at:], word)
			if i < 0 {
				break
			}
			at += i + len(word)
			if load, ok := after(lower[at:]); ok {
				return load, nil
			}
		}
	}
	return 0, errLoad
}

// after reads the number after a word: perhaps an s, a colon, blanks, an equals sign.
func after(text string) (float64, bool) {
	text = strings.TrimPrefix(text, "s")
	text = strings.TrimLeft(text, " \t:=")
	load, _ := number(text)
	return load, load >= 0
}

// number reads a number at the beginning of text; -1 if there is none. A comma that a digit follows is a decimal point, as
// uptime writes it in some languages.
func number(text string) (value float64, rest string) {
	end, point := 0, -1
	for end < len(text) {
		c := text[end]
		if c >= '0' && c <= '9' {
			end++
			continue
		}
		next := end + 1
		if point >= 0 || c != '.' && c != ',' || end == 0 || next == len(text) || text[next] < '0' || text[next] > '9' {
			break
		}
		point = end
		end++
	}
	digits := []byte(text[:end])
	if point >= 0 {
		digits[point] = '.'
	}
	value, err := strconv.ParseFloat(string(digits), 64)
	if err != nil || math.IsInf(value, 0) {
		return -1, text
	}
	return value, text[end:]
}
