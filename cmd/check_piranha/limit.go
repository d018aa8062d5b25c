package main

import (
	"errors"
	"strconv"
	"strings"
)

// limits are those beyond which real servers that are down matter; nil: there is none.
type limits struct{ warning, critical *limit }

// limit is a number of real servers, or a percentage of those that a virtual server has.
type limit struct {
	n       int // not negative
	percent bool
}

var errLimit = errors.New("a number expected, or a percentage such as 50%")

func parseLimit(text string) (*limit, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return nil, errLimit
	}
	return &limit{n: int(n), percent: percent}, nil
}

// of is the greatest number of all real servers that is still within the limit.
func (l *limit) of(all int) int {
	if l.percent {
		return l.n * all / 100
	}
	return l.n
}

// passed tells whether that many are down beyond the limit.
func (l *limit) passed(down, all int) bool { return l != nil && down > l.of(all) }

// figure is the limit in performance data.
func (l *limit) figure(all int) string {
	if l == nil {
		return ""
	}
	return strconv.Itoa(l.of(all))
}
