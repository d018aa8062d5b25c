package passwd

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Limits of what is stored and typed.
const (
	// MaxPassword is the longest password that is set, in bytes: bcrypt looks at no more.
	MaxPassword = 72
	// maxTyped is the longest password that is compared, in bytes: $5$ and $6$ took any, but get slower with its square.
	maxTyped = 256
	// cost is that of new hashes: about 0.2 s.
	cost = 12
	// maxCost and maxRounds bound what one attempt to sign in may take, a few seconds, for whoever wrote the file.
	maxCost   = 16
	maxRounds = 1_000_000
)

// Errors of Hash and Verify; errors.Is finds them.
var (
	ErrEmpty  = errors.New("the password is empty")
	ErrLong   = errors.New("the password is longer than 72 bytes")
	ErrBytes  = errors.New("the password has a NUL byte or a line end in it")
	ErrScheme = errors.New("the hash is of a kind that is not accepted")
	ErrHash   = errors.New("the hash is damaged")
	ErrCost   = errors.New("the hash asks for too much work")
)

// Hash makes a bcrypt hash of a password.
func Hash(password string) (string, error) {
	switch {
	case password == "":
		return "", ErrEmpty
	case len(password) > MaxPassword:
		return "", ErrLong
	case strings.ContainsAny(password, "\x00\r\n"):
		return "", ErrBytes
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return string(hash), err
}

// hashed is a hash taken apart.
type hashed struct {
	bcrypt string // the whole hash, if it is of that kind
	salt   string
	sum    string
	crypt  func(salt, password string) string // makes the sum
}

// parse takes a hash apart by its magic; nothing is guessed. Plain text, DES and bare SHA-1 sums are ErrScheme.
func parse(hash string) (hashed, error) {
	fields := strings.Split(hash, "$")
	if len(fields) < 4 || fields[0] != "" {
		return hashed{}, ErrScheme
	}
	switch magic := fields[1]; magic {
	case "2a", "2b", "2y":
		return parseBcrypt(hash)
	case "1", "apr1":
		magic = "$" + magic + "$"
		return parseCrypt(fields[2:], 8, 22, func(salt, password string) string { return md5Crypt(magic, salt, password) })
	case "5":
		return parseSHA(fields[2:], sha256Scheme, 43)
	case "6":
		return parseSHA(fields[2:], sha512Scheme, 86)
	}
	return hashed{}, ErrScheme
}

func parseBcrypt(hash string) (hashed, error) {
	switch n, err := bcrypt.Cost([]byte(hash)); {
	case err != nil || len(hash) != 60 || strings.Trim(hash[7:], alphabet) != "":
		return hashed{}, ErrHash
	case n > maxCost:
		return hashed{}, ErrCost
	}
	return hashed{bcrypt: hash}, nil
}

// parseCrypt takes SALT$SUM.
func parseCrypt(fields []string, maxSalt, sumLen int, crypt func(salt, password string) string) (hashed, error) {
	if len(fields) != 2 || len(fields[0]) > maxSalt || len(fields[1]) != sumLen {
		return hashed{}, ErrHash
	}
	return hashed{salt: fields[0], sum: fields[1], crypt: crypt}, nil
}

// Rounds of the SHA schemes, as the specification has them.
const (
	defaultRounds = 5000
	minRounds     = 1000
)

// parseSHA takes SALT$SUM or rounds=N$SALT$SUM.
func parseSHA(fields []string, scheme shaScheme, sumLen int) (hashed, error) {
	rounds := defaultRounds
	if text, ok := strings.CutPrefix(fields[0], "rounds="); ok {
		n, err := strconv.ParseUint(text, 10, 32)
		switch {
		case err != nil:
			return hashed{}, ErrHash
		case n > maxRounds:
			return hashed{}, ErrCost
		}
		rounds, fields = max(int(n), minRounds), fields[1:]
	}
	return parseCrypt(fields, 16, sumLen, func(salt, password string) string { return scheme.crypt(salt, password, rounds) })
}

// Verify tells whether a password is the one that was hashed. The error says why a hash cannot be used. How long it takes
// does not depend on how much of the password is right.
func Verify(hash, password string) (bool, error) {
	h, err := parse(hash)
	if err != nil {
		return false, err
	}
	if password == "" || len(password) > maxTyped || strings.Contains(password, "\x00") {
		return false, nil
	}
	if h.bcrypt != "" {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
		if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			return false, fmt.Errorf("%w: %w", ErrHash, err)
		}
		return err == nil, nil
	}
	return subtle.ConstantTimeCompare([]byte(h.sum), []byte(h.crypt(h.salt, password))) == 1, nil
}

// Weak tells whether a hash that can be used should be replaced by one that Hash makes.
func Weak(hash string) bool {
	h, err := parse(hash)
	if err != nil {
		return false
	}
	n, err := bcrypt.Cost([]byte(h.bcrypt))
	return err != nil || n < 10
}

// Usable returns nil for a hash that Verify accepts, and otherwise why it does not.
func Usable(hash string) error {
	_, err := parse(hash)
	return err
}
