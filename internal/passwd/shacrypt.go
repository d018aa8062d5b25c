package passwd

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// shaScheme is one of the two SHA schemes of U. Drepper's "Unix crypt using SHA-256 and SHA-512", which differ in the
// hash and in the order of the encoded bytes.
type shaScheme struct {
	new   func() hash.Hash
	order []int
	tail  int
}

var (
	sha256Scheme = shaScheme{sha256.New, sha256Order(), 3}
	sha512Scheme = shaScheme{sha512.New, sha512Order(), 2}
)

// crypt returns the encoded sum. The steps are those of the specification, its numbers beside them.
func (s shaScheme) crypt(salt, password string, rounds int) string {
	h := s.new()
	add := func(parts ...string) {
		for _, p := range parts {
			_, _ = h.Write([]byte(p))
		}
	}
	sum := func() string {
		b := string(h.Sum(nil))
		h.Reset()
		return b
	}
	add(password, salt, password) // 4 to 8
	mixed := sum()
	add(password, salt, stretch(mixed, len(password))) // 1 to 3, 9 and 10
	for n := len(password); n > 0; n >>= 1 {           // 11
		if n&1 == 1 {
			add(mixed)
		} else {
			add(password)
		}
	}
	last := sum()             // 12
	for range len(password) { // 13 to 15
		add(password)
	}
	p := stretch(sum(), len(password)) // 16
	for range 16 + int(last[0]) {      // 17 to 19
		add(salt)
	}
	q := stretch(sum(), len(salt)) // 20
	for i := range rounds {        // 21
		round(i, last, q, p, add)
		last = sum()
	}
	return encode([]byte(last), s.order, s.tail) // 22
}

// sha256Order is the specification's 22 e for SHA-256: three columns of ten rows that change places, then 31 and 30.
func sha256Order() []int {
	var order []int
	for i, at := 0, [3]int{0, 10, 20}; i < 10; i++ {
		order = append(order, at[:]...)
		at = [3]int{at[2] + 1, at[0] + 1, at[1] + 1}
	}
	return append(order, -1, 31, 30)
}

// sha512Order is the specification's 22 e for SHA-512: three columns of 21 rows that change places, then 63.
func sha512Order() []int {
	var order []int
	for i, at := 0, [3]int{0, 21, 42}; i < 21; i++ {
		order = append(order, at[:]...)
		at = [3]int{at[1] + 1, at[2] + 1, at[0] + 1}
	}
	return append(order, -1, -1, 63)
}
