package scalar

import (
	"errors"
	"testing"
	"time"
)

func TestInt(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64
		err  error
	}{
		{"0", 0, nil}, {"5", 5, nil}, {"010", 8, nil}, {"012", 10, nil}, {"0x10", 16, nil}, {"0X1f", 31, nil},
		{"-1", -1, nil}, {"+7", 7, nil}, {" 7", 7, nil}, {"", 0, nil}, {"4294967295", 4294967295, nil},
		{"-2147483648", -2147483648, nil},
		{"08", 0, ErrSyntax}, {"1x", 0, ErrSyntax}, {"x", 0, ErrSyntax}, {"0x", 0, ErrSyntax}, {"-", 0, ErrSyntax},
		{"1 ", 0, ErrSyntax}, {"--1", 0, ErrSyntax}, {"1_0", 0, ErrSyntax},
		{"4294967296", 0, ErrRange}, {"-2147483649", 0, ErrRange}, {"99999999999999999999999", 0, ErrRange},
	} {
		got, err := Int(tt.in)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Int(%q) = %d, %v, want %d, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		err  error
	}{
		{"6", 6 * time.Second, nil}, {"012", 10 * time.Second, nil}, {"250ms", 250 * time.Millisecond, nil},
		{"1.5s", 1500 * time.Millisecond, nil}, {"2m", 2 * time.Minute, nil}, {"0.2s", 200 * time.Millisecond, nil},
		{"-1", -time.Second, nil}, {"", 0, nil},
		{"5h", 0, ErrTime}, {"ms", 0, ErrTime}, {"1e3s", 0, ErrTime}, {"-1s", 0, ErrTime}, {"1.2.3s", 0, ErrTime}, {"x", 0, ErrTime},
		{"4294967296", 0, ErrRange}, {"99999999999s", 0, ErrRange},
	} {
		got, err := Time(tt.in)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Time(%q) = %v, %v, want %v, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
}

func TestFormatTimeReadsBack(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 90 * time.Second, 250 * time.Millisecond, 1500 * time.Millisecond} {
		got, err := Time(FormatTime(d))
		if got != d || err != nil {
			t.Errorf("Time(FormatTime(%v)) = %v, %v", d, got, err)
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("1.5s")
	f.Add("0x10")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := Time(s); err == nil && (d > (1<<32-1)*time.Second || d < -(1<<31)*time.Second) {
			t.Errorf("Time(%q) = %v", s, d)
		}
	})
}
