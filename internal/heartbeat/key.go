package heartbeat

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The length of a key, in bytes, without the line end of its file.
const (
	MinKey = 16
	MaxKey = 1024
)

// Key is the secret both routers share. It shows itself to nobody: printing it, or whatever holds it, gives a word or an
// address.
type Key struct{ secret func() []byte }

// NewKey makes a key of a copy of secret.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < MinKey || len(secret) > MaxKey {
		return nil, fmt.Errorf("key of %d bytes: %d to %d are needed", len(secret), MinKey, MaxKey)
	}
	own := bytes.Clone(secret)
	return &Key{func() []byte { return own }}, nil
}

// ReadKey reads a key from a file, all of it but one line end. The file must be nobody else's to read: mode 0600 or
// 0400, owned by root or by the user the program runs as, and itself rather than a symbolic link.
func ReadKey(path string) (*Key, error) {
	// Without waiting: opening a pipe would hang until somebody writes to it.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("key file %s: a symbolic link is not followed", path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	if err := private(&st, os.Geteuid()); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxKey+3)) // the line end may be two bytes, one more is too many
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, errors.Unwrap(err))
	}
	if rest, ok := bytes.CutSuffix(text, []byte("\n")); ok {
		text = bytes.TrimSuffix(rest, []byte("\r"))
	}
	key, err := NewKey(text)
	clear(text)
	if len(text) > MaxKey {
		return nil, fmt.Errorf("key file %s: longer than %d bytes", path, MaxKey)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// private says why a file with this status may be known to others.
func private(st *unix.Stat_t, uid int) error {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("not a regular file")
	}
	if mode := st.Mode & 0o7777; mode != 0o600 && mode != 0o400 {
		return fmt.Errorf("mode is %04o: 0600 or 0400 is needed", mode)
	}
	if st.Uid != 0 && int(st.Uid) != uid {
		return fmt.Errorf("owner is user %d: root or user %d is needed", st.Uid, uid)
	}
	return nil
}

// Equal tells whether both are the same secret; nil is no key.
func (k *Key) Equal(o *Key) bool {
	if k == nil || o == nil {
		return k == o
	}
	return hmac.Equal(k.secret(), o.secret())
}

// Format writes a word instead of the key, whatever the verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// String is a word instead of the key.
func (k *Key) String() string { return "secret" }

// mac computes authentication codes, without allocating once it is warm. It is not for concurrent use.
type mac struct {
	h   hash.Hash
	out [tagSize]byte
}

func (k *Key) mac() *mac { return &mac{h: hmac.New(sha256.New, k.secret())} }

// sum appends the code of b to dst.
func (m *mac) sum(dst, b []byte) []byte {
	m.h.Reset()
	m.h.Write(b)
	return m.h.Sum(dst)
}

// verify checks the code at the end of b in constant time.
func (m *mac) verify(b []byte) bool {
	body, tag := b[:len(b)-tagSize], b[len(b)-tagSize:]
	return hmac.Equal(m.sum(m.out[:0], body), tag)
}
