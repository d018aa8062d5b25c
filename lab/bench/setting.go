package bench

import (
	"fmt"
	"strings"
	"time"
)

// Setting is one way to time both products.
type Setting struct {
	Keepalive, Deadtime time.Duration // pulse's
	Advert              time.Duration // keepalived's advert_int
}

// Settings returns the settings of the bench. keepalived declares its master dead after three advertisements and a
// skew, hence the deadtime of three keepalives.
func Settings() []Setting {
	var all []Setting
	for _, beat := range []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond} {
		all = append(all, Setting{Keepalive: beat, Deadtime: 3 * beat, Advert: beat})
	}
	return all
}

// Choose returns the settings named in a list of keepalives, as in "1s,100ms"; all for an empty one.
func Choose(list string) ([]Setting, error) {
	if list == "" {
		return Settings(), nil
	}
	var chosen []Setting
	for name := range strings.SplitSeq(list, ",") {
		s, err := find(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

func find(name string) (Setting, error) {
	var known []string
	for _, s := range Settings() {
		if s.Name() == name {
			return s, nil
		}
		known = append(known, s.Name())
	}
	return Setting{}, fmt.Errorf("no setting %q: there are %s", name, strings.Join(known, ", "))
}

// Name is what Choose knows a setting by.
func (s Setting) Name() string { return s.Keepalive.String() }

// Kind is what happens to the active router.
type Kind string

// The kinds.
const (
	Crash      Kind = "crash"
	Switchover Kind = "switchover"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Crash, Switchover} }
