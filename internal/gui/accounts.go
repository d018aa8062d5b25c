package gui

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

// role is what an account may do.
type role uint8

const (
	nobody role = iota
	viewer      // may look
	admin       // may change
)

// accounts knows the password file and who is who. The file is read again when it has changed.
type accounts struct {
	path    string
	viewers []string
	log     Log

	mu    sync.Mutex
	stamp string
	file  *passwd.File
}

func newAccounts(path string, viewers []string, log Log) *accounts {
	return &accounts{path: path, viewers: viewers, log: log}
}

// role is what an account may do, whether it has a password or not.
func (a *accounts) role(account string) role {
	switch {
	case account == control.Account:
		return admin
	case slices.Contains(a.viewers, account):
		return viewer
	}
	return nobody
}

// current is the password file as it stands, empty if it cannot be read.
func (a *accounts) current() *passwd.File {
	a.mu.Lock()
	defer a.mu.Unlock()
	// The stamp is older than what is read: a change in between is noticed the next time.
	stamp := fileStamp(a.path)
	if a.file != nil && stamp == a.stamp {
		return a.file
	}
	file, err := passwd.Read(a.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || a.file != nil {
			a.log.Warn("nobody can sign in", "err", err.Error())
		}
		file = passwd.Parse("")
	}
	for _, p := range file.Problems() {
		a.log.Warn(p.Error(), "file", a.path)
	}
	a.file, a.stamp = file, stamp
	return file
}

// fileStamp changes when a file does.
func fileStamp(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size(), inode)
}

// hash is the stored hash of an account that may sign in.
func (a *accounts) hash(account string) (string, bool) {
	if a.role(account) == nobody {
		return "", false
	}
	return a.current().Hash(account)
}

// stampOf changes when the password of an account does.
func (a *accounts) stampOf(account string) string {
	hash, ok := a.hash(account)
	if !ok {
		return ""
	}
	return hashStamp(hash)
}

func hashStamp(hash string) string {
	sum := sha256.Sum256([]byte(hash))
	return string(sum[:])
}

// ready tells whether anybody can sign in, and if not, whether that is because a hash is of a kind that is not accepted.
func (a *accounts) ready() (ok, refused bool) {
	file := a.current()
	for _, account := range append([]string{control.Account}, a.viewers...) {
		hash, has := file.Hash(account)
		if !has {
			continue
		}
		if passwd.Usable(hash) == nil {
			return true, false
		}
		refused = true
	}
	return false, refused
}
