package changes

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const sample = "# By hand.\nserial_no = 7\nprimary = 192.0.2.11\n"

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func by(account string) Edit {
	return Edit{Who: Who{Account: account, Address: "192.0.2.1", At: noon}, What: "primary"}
}

// desk is a store with its files.
type desk struct {
	t      testing.TB
	dir    string
	store  *Store
	warned []string
}

func newDesk(t testing.TB, file string) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	if file != "" {
		d.put(file)
	}
	d.open()
	t.Cleanup(func() { d.store.Close() })
	return d
}

func (d *desk) open() {
	d.t.Helper()
	if d.store != nil {
		d.store.Close()
	}
	var err error
	d.store, err = Open(filepath.Join(d.dir, "state"), filepath.Join(d.dir, "lvs.cf"), func(text string) { d.warned = append(d.warned, text) })
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) put(text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "lvs.cf"), []byte(text), 0o640); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) file() string {
	text, err := os.ReadFile(filepath.Join(d.dir, "lvs.cf"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	return string(text)
}

// from names what an edit begins with.
func (d *desk) from() string {
	state, _ := d.store.Look()
	return Sum(state.Text([]byte(d.file())))
}

func (d *desk) edit(text string) {
	d.t.Helper()
	if err := d.store.Edit(d.from(), []byte(text), by("anna")); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) apply(comment string, trial time.Duration) {
	d.t.Helper()
	if _, err := d.store.Apply(d.from(), Apply{Who: Who{Account: "bert", At: noon}, Comment: comment}, trial); err != nil {
		d.t.Fatal(err)
	}
}

// versions are written as serial, result, lines added and removed, comment.
func (d *desk) versions(want ...string) {
	d.t.Helper()
	_, list := d.store.Look()
	var got []string
	for _, v := range list {
		got = append(got, strings.TrimSpace(strings.Join([]string{strconv.FormatInt(v.Serial, 10), v.Result, "+" + strconv.Itoa(v.Added), "-" + strconv.Itoa(v.Removed), v.Comment}, " ")))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		d.t.Errorf("versions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (d *desk) is(what, text string) {
	d.t.Helper()
	if got := d.file(); got != text {
		d.t.Errorf("%s: lvs.cf is\n%s\nwant\n%s", what, got, text)
	}
}

const (
	changed = "# By hand.\nserial_no = 7\nprimary = 192.0.2.99\n"
	applied = "# By hand.\nserial_no = 8\nprimary = 192.0.2.99\n"
	back    = "# By hand.\nserial_no = 9\nprimary = 192.0.2.11\n"
)

func TestDraft(t *testing.T) {
	d := newDesk(t, sample)
	old := d.from()
	d.edit(changed)
	d.is("a draft", sample)
	if err := d.store.Edit(old, []byte("primary = x\n"), by("bert")); !errors.Is(err, ErrChanged) {
		t.Errorf("an edit of what was the text before: %v", err)
	}
	d.open() // it survives
	state, _ := d.store.Look()
	if string(state.Draft.Text) != changed || string(state.Draft.Base) != sample || state.Draft.Begun.Account != "anna" || len(state.Draft.Edits) != 1 {
		t.Errorf("draft: %+v", state.Draft)
	}
	if err := d.store.Discard(old); !errors.Is(err, ErrChanged) {
		t.Errorf("discarded what was not seen: %v", err)
	}
	if err := d.store.Discard(d.from()); err != nil {
		t.Error(err)
	}
	if err := d.store.Discard(d.from()); !errors.Is(err, ErrNoDraft) {
		t.Errorf("discarded twice: %v", err)
	}
	d.edit(changed)
	d.edit(sample)
	if state, _ := d.store.Look(); state.Draft != nil {
		t.Error("a draft that changes nothing stays")
	}
	if err := d.store.Edit(d.from(), make([]byte, MaxText+1), by("anna")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestApply(t *testing.T) {
	d := newDesk(t, sample)
	d.edit(changed)
	if _, err := d.store.Apply(Sum([]byte(sample)), Apply{}, 0); !errors.Is(err, ErrChanged) {
		t.Errorf("applied what was not seen: %v", err)
	}
	d.apply("a reason\nand more", 0)
	d.is("applied", applied)
	d.versions("7 found +0 -0", "8 applied +2 -2 a reason and more")
	if info, err := os.Stat(filepath.Join(d.dir, "lvs.cf")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode of lvs.cf: %v, %v", info.Mode(), err)
	}
	if _, err := d.store.Apply(d.from(), Apply{}, 0); !errors.Is(err, ErrNoDraft) {
		t.Errorf("applied twice: %v", err)
	}
	d.open()
	d.versions("7 found +0 -0", "8 applied +2 -2 a reason and more")
	for id, want := range map[int]string{1: sample, 2: applied} {
		if text, err := d.store.Text(id); err != nil || string(text) != want {
			t.Errorf("version %d: %q, %v", id, text, err)
		}
	}
	// A serial_no that somebody has chosen is kept. What somebody else has changed before is a version too.
	d.put(sample)
	d.edit("serial_no = 100\n")
	d.apply("", 0)
	d.is("own serial", "serial_no = 100\n")
	d.versions("7 found +0 -0", "8 applied +2 -2 a reason and more", "7 changed outside +2 -2", "100 applied +1 -3")
}

func TestFirstFile(t *testing.T) {
	for _, present := range []bool{false, true} {
		d := newDesk(t, "")
		if present {
			if err := os.WriteFile(filepath.Join(d.dir, "lvs.cf"), nil, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		d.edit("primary = 192.0.2.1\n")
		if _, err := d.store.Apply(d.from(), Apply{}, time.Minute); !errors.Is(err, ErrNoBefore) {
			t.Errorf("a trial of the first lvs.cf: %v", err)
		}
		d.apply("", 0)
		d.is("first", "primary = 192.0.2.1\nserial_no = 1\n")
		d.versions("1 applied +0 -0")
	}
}

func TestConflict(t *testing.T) {
	d := newDesk(t, sample)
	d.edit(changed)
	others := sample + "tcp_timeout = 900\n"
	d.put(others)
	state, _ := d.store.Look()
	if !state.Conflict([]byte(others)) {
		t.Error("no conflict seen")
	}
	if _, err := d.store.Apply(d.from(), Apply{}, 0); !errors.Is(err, ErrConflict) {
		t.Errorf("applied over somebody else's change: %v", err)
	}
	d.is("conflict", others)
	merged := changed + "tcp_timeout = 900\n"
	if err := d.store.Rebase(d.from(), Sum([]byte(sample)), []byte(merged), by("anna")); !errors.Is(err, ErrChanged) {
		t.Errorf("rebased on what is no longer there: %v", err)
	}
	if err := d.store.Rebase(d.from(), Sum([]byte(others)), []byte(merged), by("anna")); err != nil {
		t.Fatal(err)
	}
	d.apply("", 0)
	d.is("merged", applied+"tcp_timeout = 900\n")
	// What was changed outside is a version of its own.
	d.versions("7 found +0 -0", "8 applied +2 -2")
}

func TestTrial(t *testing.T) {
	begin := func() *desk {
		d := newDesk(t, sample)
		d.edit(changed)
		d.apply("try", time.Minute)
		d.is("on trial", applied)
		return d
	}
	d := begin()
	state, _ := d.store.Look()
	if trial := state.Trial(); trial == nil || !trial.Confirm.Equal(noon.Add(time.Minute)) {
		t.Fatalf("trial: %+v", trial)
	}
	d.versions("7 found +0 -0", "8 on trial +2 -2 try")
	if err := d.store.Edit(d.from(), []byte("x = 1\n"), by("anna")); !errors.Is(err, ErrTrial) {
		t.Errorf("edited during a trial: %v", err)
	}
	d.open() // it survives
	if _, err := d.store.Back(Who{Account: "anna", At: noon}); err != nil {
		t.Fatal(err)
	}
	d.is("rolled back", back)
	d.versions("7 found +0 -0", "8 rolled back +2 -2 try", "9 applied +2 -2 Back to serial 7")
	if _, err := d.store.Back(Who{}); !errors.Is(err, ErrNoTrial) {
		t.Errorf("rolled back twice: %v", err)
	}

	d = begin()
	if err := d.store.Keep(); err != nil {
		t.Fatal(err)
	}
	d.is("kept", applied)
	d.versions("7 found +0 -0", "8 kept +2 -2 try")
	if err := d.store.Keep(); !errors.Is(err, ErrNoTrial) {
		t.Errorf("kept twice: %v", err)
	}

	d = begin()
	d.put("primary = 10.0.0.1\n")
	if _, err := d.store.Back(Who{}); !errors.Is(err, ErrConflict) {
		t.Errorf("rolled back over somebody else's change: %v", err)
	}
	d.is("somebody else's", "primary = 10.0.0.1\n")
	d.versions("7 found +0 -0", "8 not rolled back +2 -2 try")
}

// TestCrash ends the process after each step that is on disk; the next one finds the whole change or none of it.
func TestCrash(t *testing.T) {
	for _, test := range []struct {
		name  string
		trial time.Duration
		crash func(d *desk) // makes the disk what it was after some step
		file  string
		draft bool
		onIt  bool // a trial
		want  []string
	}{
		{"begun", time.Minute, func(d *desk) { d.journal(false, time.Minute); d.put(sample) }, sample, true, false, nil},
		{
			"written", time.Minute, func(d *desk) { d.journal(false, time.Minute); d.put(applied) }, applied, false, true,
			[]string{"7 found +0 -0", "8 on trial +2 -2"},
		},
		{"written for good", 0, func(d *desk) { d.journal(false, 0); d.put(applied) }, applied, false, false, []string{"7 found +0 -0", "8 applied +2 -2"}},
		{"rolled back", time.Minute, func(d *desk) { d.journal(true, time.Minute); d.put(back) }, back, false, false, []string{"9 applied +0 -0 Back to serial 7"}},
		{"changed by somebody meanwhile", 0, func(d *desk) { d.journal(false, 0); d.put("primary = 1.1.1.1\n") }, "primary = 1.1.1.1\n", true, false, nil},
	} {
		d := newDesk(t, sample)
		d.edit(changed)
		test.crash(d)
		for range 2 { // the second start finds nothing to do
			d.open()
			d.is(test.name, test.file)
			state, _ := d.store.Look()
			if (state.Draft != nil) != test.draft || (state.Trial() != nil) != test.onIt {
				t.Errorf("%s: draft %v, trial %v", test.name, state.Draft != nil, state.Trial() != nil)
			}
			d.versions(test.want...)
		}
		if len(d.warned) > 0 {
			t.Errorf("%s: %v", test.name, d.warned)
		}
	}
}

// journal leaves the state of an apply on disk.
func (d *desk) journal(done bool, trial time.Duration) {
	d.t.Helper()
	state, _ := d.store.Look()
	next, err := state.Begun([]byte(sample), d.from(), Apply{Who: Who{Account: "bert", At: noon}}, trial)
	if err != nil {
		d.t.Fatal(err)
	}
	if next.Apply.After, err = next.Draft.After(); err != nil {
		d.t.Fatal(err)
	}
	if done {
		next = next.Written()
	}
	if err := d.store.put("changes.json", next); err != nil {
		d.t.Fatal(err)
	}
}

// TestVersionNotedBeforeCrash: lvs.cf was written and its version noted, but not that the draft is gone.
func TestVersionNotedBeforeCrash(t *testing.T) {
	d := newDesk(t, sample)
	d.edit(changed)
	d.journal(false, 0)
	kept, err := os.ReadFile(filepath.Join(d.dir, "state", "changes.json"))
	if err != nil {
		t.Fatal(err)
	}
	d.put(applied)
	d.open()
	if err := os.WriteFile(filepath.Join(d.dir, "state", "changes.json"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	d.open()
	d.versions("7 found +0 -0", "8 applied +2 -2")
}

func TestLimits(t *testing.T) {
	var list Versions
	for i := range 60 {
		list = list.With(Version{Comment: strings.Repeat("ä", 200), Size: 1, Serial: int64(i)})
	}
	if len(list) != maxVersions || list[0].ID != 11 || list.Last().ID != 60 || !list.sound() {
		t.Errorf("%d versions, %d to %d", len(list), list[0].ID, list.Last().ID)
	}
	for range 3 {
		list = list.With(Version{Size: maxVersionsSize})
	}
	if len(list) != 2 {
		t.Errorf("%d large versions", len(list))
	}

	d := newDesk(t, "serial_no = 0\n")
	for i := range maxVersions + 5 {
		d.edit("serial_no = " + strconv.Itoa(i+1) + "\n")
		d.apply("", 0)
	}
	files, err := os.ReadDir(filepath.Join(d.dir, "state", "versions"))
	if err != nil || len(files) != maxVersions {
		t.Errorf("%d texts: %v", len(files), err)
	}
	for range maxEdits + 5 {
		d.edit("serial_no = 1\n" + strings.Repeat("#", len(d.from())) + time.Now().String() + "\n")
	}
	if state, _ := d.store.Look(); len(state.Draft.Edits) > maxEdits || !state.sound() {
		t.Errorf("%d edits", len(state.Draft.Edits))
	}
}

func TestOneProcess(t *testing.T) {
	d := newDesk(t, sample)
	if _, err := Open(filepath.Join(d.dir, "state"), filepath.Join(d.dir, "lvs.cf"), func(string) {}); err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	d := newDesk(t, sample)
	d.edit(changed)
	for _, name := range []string{"changes.json", "versions.json"} {
		if err := os.WriteFile(filepath.Join(d.dir, "state", name), []byte(`{"draft":{"text":""`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.open()
	if len(d.warned) != 2 {
		t.Errorf("warned: %q", d.warned)
	}
	d.edit(changed)
}

func TestNext(t *testing.T) {
	for n, want := range map[int64]int64{0: 1, 7: 8, 1<<31 - 2: 1<<31 - 1, 1<<31 - 1: 1} {
		if got := Next(n); got != want {
			t.Errorf("Next(%d) = %d", n, got)
		}
	}
}

// FuzzDecode: whatever is on disk, what is made of it can be used.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"draft":{"base":"YQo=","text":"Ygo="}}`), []byte(`[{"id":1,"sum":"x","result":"on trial"}]`))
	f.Add([]byte(`{"apply":{"before":"YQo=","after":"Ygo=","done":true,"confirm":"2026-01-01T00:00:00Z"}}`), []byte(`[]`))
	f.Add([]byte(`{"apply":{"after":"","done":true}}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, text, list []byte) {
		s, _ := decode[State](text)
		if !s.sound() {
			t.Fatalf("%+v", s)
		}
		if a := s.Trial(); a != nil {
			_, _ = a.Back()
			s = s.Over()
		}
		if next, err := s.Edited([]byte(sample), Sum(s.Text([]byte(sample))), []byte(changed), by("anna")); err != nil || next.Draft == nil && s.Draft == nil {
			t.Fatalf("%+v cannot be edited: %v", s, err)
		}
		versions, _ := decode[Versions](list)
		versions = versions.Judged(versions.trial(), Kept)
		if next := versions.With(Version{Comment: "x"}); !versions.sound() || !next.sound() || next.Last().Comment != "x" {
			t.Fatalf("%+v", versions)
		}
	})
}

// FuzzState: whatever people do in whatever order, what is kept is sound, and lvs.cf changes by an apply only.
func FuzzState(f *testing.F) {
	f.Add([]byte{0, 3, 1, 4, 0, 2, 3, 5})
	f.Fuzz(func(t *testing.T, acts []byte) {
		file, s := []byte(sample), State{}
		for i, act := range acts[:min(len(acts), 100)] {
			text := []byte("primary = " + strconv.Itoa(int(act)/8) + "\n")
			next, err := s, error(nil)
			switch act % 8 {
			case 0, 6:
				next, err = s.Edited(file, Sum(s.Text(file)), text, by("a"))
			case 1:
				file = append(text, "# by another program\n"...)
			case 2:
				next, err = s.Discarded(Sum(s.Text(file)))
			case 3, 7:
				if next, err = s.Begun(file, Sum(s.Text(file)), Apply{Who: Who{At: noon}}, time.Duration(act%2)*time.Minute); err != nil {
					break
				}
				if s.Conflict(file) {
					t.Fatalf("step %d: begun over a conflict", i)
				}
				if next.Apply.After, err = next.Draft.After(); err == nil {
					file, next = next.Apply.After, next.Written()
				}
			case 4:
				if s.Trial() != nil {
					next = s.Over()
				}
			case 5:
				next, err = s.Rebased(file, Sum(s.Text(file)), text, by("b"))
			}
			if err == nil {
				s = next
			}
			if !s.sound() || s.Draft != nil && string(s.Draft.Text) == string(s.Draft.Base) || s.Draft != nil && s.Trial() != nil {
				t.Fatalf("step %d: %+v", i, s)
			}
		}
	})
}
