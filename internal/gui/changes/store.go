package changes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/gui/diff"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/replace"
)

// Store keeps the state and the versions of one lvs.cf in a directory. One process has it at a time.
type Store struct {
	dir, file string
	warn      func(text string)
	lock      *os.File
	wake      chan struct{}

	mu       sync.Mutex
	state    State
	versions Versions
}

// Open takes a directory for the lvs.cf at file, and makes it where it is missing. What an earlier process has not finished
// is finished, or was never begun. warn is told what was lost.
func Open(dir, file string, warn func(text string)) (*Store, error) {
	s := &Store{dir: dir, file: file, warn: warn, wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(filepath.Join(dir, "versions"), 0o700); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600); err != nil {
		return nil, err
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("%s is used by another piranha-gui: give this one another --state-dir", dir)
	}
	s.state, s.versions = load[State](s, "changes.json"), load[Versions](s, "versions.json")
	s.recover()
	s.tidy()
	return s, nil
}

// Close lets another process have the directory.
func (s *Store) Close() error { return s.lock.Close() }

// load reads a file of ours. One that is damaged is put aside.
func load[T interface{ sound() bool }](s *Store, name string) (value T) {
	path := filepath.Join(s.dir, name)
	text, err := read(path, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return value
	}
	if err == nil {
		value, err = decode[T](text)
	}
	if err != nil {
		s.warn(fmt.Sprintf("%s is damaged, and put aside: %v", path, err))
		_ = os.Rename(path, path+".damaged")
	}
	return value
}

// decode reads what put wrote, and nothing else.
func decode[T interface{ sound() bool }](text []byte) (value T, err error) {
	if err := json.Unmarshal(text, &value); err != nil {
		return *new(T), err
	}
	if !value.sound() {
		return *new(T), errors.New("it says what cannot be")
	}
	return value, nil
}

// maxStateFile bounds changes.json, which has up to four texts in base64.
const maxStateFile = 32 << 20

func read(path string, limit int64) ([]byte, error) {
	f, err := replace.OpenExact(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("too large")}
	}
	return text, err
}

// recover ends what an earlier process was about when it ended.
func (s *Store) recover() {
	a := s.state.Apply
	if a == nil {
		s.versions = s.versions.Judged(s.versions.trial(), Kept) // its trial is over, and that was not noted any more
		return
	}
	file, err := s.read()
	if err != nil {
		return // it stays as it is until lvs.cf can be read
	}
	back, _ := a.Back()
	switch {
	case !a.Done && string(file) == string(a.After):
		s.written()
	case !a.Done:
		s.keepState(s.state.Over())
	case string(file) == string(back):
		s.wentBack(back, Who{At: a.Confirm})
	}
}

// tidy removes texts that no version has.
func (s *Store) tidy() {
	entries, _ := os.ReadDir(filepath.Join(s.dir, "versions"))
	for _, e := range entries {
		id, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".cf"))
		if _, known := s.versions.Find(id); err != nil || !known {
			_ = os.Remove(filepath.Join(s.dir, "versions", e.Name()))
		}
	}
}

// read returns lvs.cf; nothing if it is not there.
func (s *Store) read() ([]byte, error) {
	d, err := lvscf.OpenFile(s.file)
	if err != nil {
		return nil, err
	}
	return d.Bytes(), nil
}

// Look returns how things are. What it returns must not be changed.
func (s *Store) Look() (State, Versions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.versions
}

// Woken gets a value when a trial may have begun or ended.
func (s *Store) Woken() <-chan struct{} { return s.wake }

// step makes a step of the state, given lvs.cf, and keeps it.
func (s *Store) step(next func(State, []byte) (State, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, err := s.read()
	if err != nil {
		return err
	}
	state, err := next(s.state, file)
	if err != nil {
		return err
	}
	return s.save(state)
}

// Edit makes a text the draft, if what it was made of is still the draft, or lvs.cf.
func (s *Store) Edit(from string, text []byte, e Edit) error {
	return s.step(func(now State, file []byte) (State, error) { return now.Edited(file, from, text, e) })
}

// Rebase makes a text the draft, for lvs.cf as it is now: file says which one that was meant to be.
func (s *Store) Rebase(from, file string, text []byte, e Edit) error {
	return s.step(func(now State, current []byte) (State, error) {
		if Sum(current) != file {
			return now, ErrChanged
		}
		return now.Rebased(current, from, text, e)
	})
}

// Discard forgets the draft.
func (s *Store) Discard(from string) error {
	return s.step(func(now State, _ []byte) (State, error) { return now.Discarded(from) })
}

// Apply writes the draft that was named from to lvs.cf, and returns its serial_no.
func (s *Store) Apply(from string, a Apply, trial time.Duration) (serial int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, err := s.read()
	if err != nil {
		return 0, err
	}
	next, err := s.state.Begun(file, from, a, trial)
	if err != nil {
		return 0, err
	}
	if next.Apply.After, err = s.state.Draft.After(); err != nil {
		return 0, err
	}
	if err := s.save(next); err != nil {
		return 0, err
	}
	if err := s.write(file, next.Apply.After); err != nil {
		s.keepState(next.Over())
		return 0, err
	}
	serial = Serial(next.Apply.After)
	s.written()
	return serial, nil
}

// write puts a text in the place of lvs.cf.
func (s *Store) write(old, text []byte) error {
	if _, err := os.Stat(s.file); errors.Is(err, fs.ErrNotExist) && len(old) == 0 {
		return s.meant(replace.Create(s.file, string(text), replace.Mode(0o644)))
	}
	return s.meant(replace.Replace(s.file, string(old), string(text)))
}

// meant turns the errors that say that somebody else was faster into ours.
func (s *Store) meant(err error) error {
	if errors.Is(err, replace.ErrChanged) || errors.Is(err, fs.ErrExist) {
		return ErrConflict
	}
	return err
}

// written notes that lvs.cf has been written. What cannot be noted is lost, and lvs.cf is in its place all the same.
func (s *Store) written() {
	a := s.state.Apply
	list := s.versions
	if last := list.Last(); last.Sum == Sum(a.After) && last.At.Equal(a.At) {
		s.keepState(s.state.Written()) // an earlier process has noted the version
		return
	}
	if len(a.Before) > 0 && list.Last().Sum != Sum(a.Before) {
		result := Outside
		if len(list) == 0 {
			result = Found
		}
		list = s.add(list, a.Before, Version{Who: Who{At: a.At}, Result: result})
	}
	result := Applied
	if !a.Confirm.IsZero() {
		result = OnTrial
	}
	list = s.add(list, a.After, Version{Who: a.Who, Comment: a.Comment, Result: result})
	s.keepVersions(list)
	s.keepState(s.state.Written())
}

// add keeps a text as a version.
func (s *Store) add(list Versions, text []byte, v Version) Versions {
	v.Serial, v.Size, v.Sum = Serial(text), len(text), Sum(text)
	if before, err := s.textOf(list.Last()); err == nil {
		v.Added, v.Removed = diff.Count(diff.Lines(string(before), string(text)))
	}
	next := list.With(v)
	path := s.textPath(next.Last().ID)
	_ = os.Remove(path) // one that no version has
	if err := replace.Create(path, string(text), replace.Mode(0o600)); err != nil {
		s.warn("a version of lvs.cf is not kept: " + err.Error())
		return list
	}
	return next
}

func (s *Store) textPath(id int) string {
	return filepath.Join(s.dir, "versions", strconv.Itoa(id)+".cf")
}

func (s *Store) textOf(v Version) ([]byte, error) {
	if v.ID == 0 {
		return nil, fs.ErrNotExist
	}
	return read(s.textPath(v.ID), MaxText+maxSerialLine)
}

// Text returns the text of a version.
func (s *Store) Text(id int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.versions.Find(id)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return s.textOf(v)
}

// Keep ends a trial: what is on trial stays.
func (s *Store) Keep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.state.Trial()
	if a == nil {
		return ErrNoTrial
	}
	if err := s.save(s.state.Over()); err != nil {
		return err
	}
	s.keepVersions(s.versions.Judged(Sum(a.After), Kept))
	return nil
}

// Back ends a trial: lvs.cf becomes what it was. ErrConflict says that somebody else has changed it; the trial is over, and
// that change stays.
func (s *Store) Back(who Who) (serial int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.state.Trial()
	if a == nil {
		return 0, ErrNoTrial
	}
	back, err := a.Back()
	if err != nil {
		return 0, err
	}
	if err := s.write(a.After, back); err != nil {
		if errors.Is(err, ErrConflict) {
			s.keepVersions(s.versions.Judged(Sum(a.After), Left))
			s.keepState(s.state.Over())
		}
		return 0, err
	}
	s.wentBack(back, who)
	return Serial(back), nil
}

// wentBack notes that lvs.cf is what it was.
func (s *Store) wentBack(back []byte, who Who) {
	a := s.state.Apply
	list := s.versions.Judged(Sum(a.After), RolledBack)
	if list.Last().Sum != Sum(back) {
		comment := "Back to serial " + strconv.FormatInt(Serial(a.Before), 10)
		list = s.add(list, back, Version{Who: who, Comment: comment, Result: Applied})
	}
	s.keepVersions(list)
	s.keepState(s.state.Over())
}

// save keeps the state.
func (s *Store) save(next State) error {
	if err := s.put("changes.json", next); err != nil {
		return err
	}
	s.state = next
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// keepState is save for a state that holds whether it can be kept or not.
func (s *Store) keepState(next State) {
	if err := s.save(next); err != nil {
		s.warn("what became of the draft will be forgotten: " + err.Error())
		s.state = next
	}
}

// keepVersions keeps the list, and removes the texts of those that are no longer in it.
func (s *Store) keepVersions(next Versions) {
	if err := s.put("versions.json", next); err != nil {
		s.warn("the versions of lvs.cf are not kept: " + err.Error())
		return
	}
	for _, old := range s.versions {
		if !slices.ContainsFunc(next, func(v Version) bool { return v.ID == old.ID }) {
			_ = os.Remove(s.textPath(old.ID))
		}
	}
	s.versions = next
}

// put writes a file of ours in one step.
func (s *Store) put(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, name)
	old, err := read(path, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return replace.Create(path, string(text), replace.Mode(0o600))
	}
	if err != nil {
		return err
	}
	return replace.Exact(path, string(old), string(text))
}
