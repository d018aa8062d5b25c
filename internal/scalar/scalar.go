// Package scalar reads the numbers and times that lvs.cf and the command lines share.
//
// The original read every number with strtol(3), base 0: decimal, 0x hexadecimal, leading-0 octal, leading white
// space and a sign. Files and scripts rely on it, so one function does it for the whole suite.
package scalar

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Errors of Int and Time. The caller adds what was read and where.
var (
	ErrSyntax = errors.New("integer expected")
	ErrRange  = errors.New("number out of range")
	ErrTime   = errors.New("not a time: write seconds (10), or a number with ms, s or m (250ms, 1.5s, 2m)")
)

// Int reads a C integer of at most 32 significant bits: -2147483648 to 4294967295.
// The whole text must be a number; the empty text is 0, as the original has it for "".
func Int(s string) (int64, error) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s == "" {
		return 0, nil
	}
	digits, negative := s, false
	if digits[0] == '-' || digits[0] == '+' {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	base := 10
	switch {
	case len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x':
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base, digits = 8, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || n > 1<<32-1 || negative && n > 1<<31:
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, ErrSyntax
		}
		return 0, ErrRange
	case err != nil:
		return 0, ErrSyntax
	case negative:
		return -int64(n), nil
	}
	return int64(n), nil
}

// Time reads a time: a C integer is seconds, as ever; a decimal number with ms, s or m is an extension.
func Time(s string) (time.Duration, error) {
	n, err := Int(s)
	if err == nil {
		return time.Duration(n) * time.Second, nil
	}
	if errors.Is(err, ErrRange) {
		return 0, err
	}
	unit, number := time.Duration(0), ""
	for _, u := range [...]struct {
		suffix string
		unit   time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			unit, number = u.unit, rest
			break
		}
	}
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, ErrTime
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, ErrTime
	}
	nanoseconds := f*float64(unit) + 0.5
	if nanoseconds > maxTime {
		return 0, ErrRange
	}
	return time.Duration(nanoseconds), nil
}

// maxTime is the longest time, the largest C integer as seconds; far below what a time.Duration holds.
const maxTime = float64((1<<32 - 1) * time.Second)

// FormatTime writes d in the shortest form that Time reads back: whole seconds without a unit, which the original
// understands too, and milliseconds otherwise. Anything finer than a millisecond is cut off.
func FormatTime(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10)
	}
	return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
}
