package passwd

import "crypto/md5"

// md5Rounds is fixed by the scheme.
const md5Rounds = 1000

// md5Crypt is the MD5 scheme of FreeBSD's crypt(3), magic $1$, and of Apache, magic $apr1$. It returns the encoded sum,
// which is 22 characters.
func md5Crypt(magic, salt, password string) string {
	h := md5.New()
	add := func(parts ...string) {
		for _, p := range parts {
			_, _ = h.Write([]byte(p))
		}
	}
	sum := func() string {
		s := string(h.Sum(nil))
		h.Reset()
		return s
	}
	add(password, salt, password)
	mixed := sum()
	add(password, magic, salt, stretch(mixed, len(password)))
	for n := len(password); n > 0; n >>= 1 {
		// The scheme was meant to add a byte of the sum; what it adds, a NUL or the first letter, is now the rule.
		if n&1 == 1 {
			add("\x00")
		} else {
			add(password[:1])
		}
	}
	last := sum()
	for i := range md5Rounds {
		round(i, last, salt, password, add)
		last = sum()
	}
	return encode([]byte(last), md5Order, 2)
}

// round adds the parts of one of the rounds that make the schemes slow.
func round(i int, last, salt, password string, add func(...string)) {
	first, end := last, password
	if i%2 == 1 {
		first, end = password, last
	}
	add(first)
	if i%3 != 0 {
		add(salt)
	}
	if i%7 != 0 {
		add(password)
	}
	add(end)
}

// stretch repeats s to n bytes.
func stretch(s string, n int) string {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = append(b, s[:min(len(s), n-len(b))]...)
	}
	return string(b)
}

const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// encode writes the bytes of a sum in crypt's base 64, three at a time in the order given, the first of the three highest.
// Where the order names byte -1, the three are short; tail characters are left of the last of them.
func encode(sum []byte, order []int, tail int) string {
	var out []byte
	for i := 0; i < len(order); i += 3 {
		var v uint32
		for _, at := range order[i : i+3] {
			v <<= 8
			if at >= 0 {
				v |= uint32(sum[at])
			}
		}
		n := 4
		if i+3 == len(order) {
			n = tail
		}
		for range n {
			out = append(out, alphabet[v&63])
			v >>= 6
		}
	}
	return string(out)
}

// md5Order is the order of the bytes of an MD5 sum in its encoding.
var md5Order = []int{0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, -1, -1, 11}
