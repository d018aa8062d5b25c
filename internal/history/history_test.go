package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// fill adds results, one a second, of which the letters say the reason; + is none.
func fill(h *History, text string) {
	for i := range len(text) {
		reason := strings.Trim(text[i:i+1], "+")
		h.Add(Result{At: time.Unix(int64(i), 0), Duration: time.Duration(i) * time.Millisecond, Reason: reason})
	}
}

func letters(h *History) string {
	var b strings.Builder
	for r := range h.All() {
		if r.Passed() {
			b.WriteByte('+')
		}
		b.WriteString(r.Reason)
	}
	return b.String()
}

func TestKeepsFailures(t *testing.T) {
	plus := func(n int) string { return strings.Repeat("+", n) }
	for _, tt := range []struct{ name, add, want string }{
		{"empty", "", ""},
		{"not full", "+a+", "+a+"},
		{"full", plus(20), plus(20)},
		{"only good ones", plus(100), plus(20)},
		{"a failure stays", "a" + plus(100), "a" + plus(19)},
		{"and where it was", "++a" + plus(100), "a" + plus(19)},
		{"many failures stay", "abcdefghijklmno" + plus(100), "abcdefghijklmno" + plus(5)},
		{"the newest 5 stay", "abcdefghijklmnopqrst" + plus(100), "fghijklmnopqrst" + plus(5)},
		{"also among failures", strings.Repeat("a", 30) + plus(2), strings.Repeat("a", 18) + "++"},
		{"a good one among them goes first", "abc+defghijklmnopqr" + plus(2), "abcdefghijklmnopqr++"},
		{"the oldest good one first", "a+b+" + plus(16) + "c", "ab" + plus(17) + "c"},
		{"only failures", "abcdefghijklmnopqrstuvwxyz", "ghijklmnopqrstuvwxyz"},
	} {
		h := &History{}
		fill(h, tt.add)
		if got := letters(h); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestValues(t *testing.T) {
	h := &History{}
	if r, ok := h.Last(); ok {
		t.Errorf("Last of none = %v", r)
	}
	at := time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)
	for _, tt := range []struct{ took, want time.Duration }{
		{1234567 * time.Nanosecond, 1234 * time.Microsecond},
		{-1, 0},
		{1000 * time.Hour, math.MaxUint32 * time.Microsecond},
	} {
		h.Add(Result{At: at, Duration: tt.took, Reason: "connect refused"})
		if r, ok := h.Last(); !ok || !r.At.Equal(at) || r.Duration != tt.want || r.Reason != "connect refused" || r.Passed() {
			t.Errorf("Last = %+v, %v, want duration %v", r, ok, tt.want)
		}
	}
	for range h.All() { // stopping early is allowed
		break
	}
}

// A history is what its comment says in bytes, and the reasons of a server that is always down are kept once.
func TestSize(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size != 16 {
		t.Errorf("an entry takes %d bytes", size)
	}
	h := &History{}
	fill(h, strings.Repeat("a", 1000))
	if len(h.reasons) != 1 || cap(h.list) > 32 {
		t.Errorf("%d reasons, room for %d results", len(h.reasons), cap(h.list))
	}
}

// FuzzAdd holds the history to a plain list.
func FuzzAdd(f *testing.F) {
	f.Add([]byte("++a++bbcc+++++++++++++++++++++dd+e"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		h := &History{}
		var want []Result
		for i, s := range steps {
			r := Result{At: time.UnixMicro(int64(i)), Duration: time.Duration(s) * time.Microsecond}
			if s%3 != 0 {
				r.Reason = fmt.Sprint("reason ", s%32)
			}
			h.Add(r)
			if len(want) == Size {
				old := slices.IndexFunc(want[:Size-newest+1], Result.Passed)
				want = slices.Delete(want, max(0, old), max(0, old)+1)
			}
			want = append(want, r)
			if got := slices.Collect(h.All()); !slices.Equal(got, want) {
				t.Fatalf("after %q:\n%v\nwant\n%v", steps[:i+1], got, want)
			}
			if last, ok := h.Last(); !ok || last != r || h.Len() != len(want) {
				t.Fatalf("Last = %v, %v; Len = %d", last, ok, h.Len())
			}
		}
		for _, reason := range h.reasons {
			if !slices.ContainsFunc(want, func(r Result) bool { return r.Reason == reason }) {
				t.Fatalf("%q is kept in vain", reason)
			}
		}
	})
}
