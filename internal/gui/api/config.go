package api

import (
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/gui/diff"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Config is an lvs.cf by its blocks.
type Config struct {
	File     string            `json:"file"` // the name of the text, for edits
	Serial   int64             `json:"serial_no"`
	Global   map[string]string `json:"global"`
	Virtual  []Block           `json:"virtual"`
	Failover []Block           `json:"failover"`
	Errors   []Field           `json:"errors"`   // for which the daemons would refuse it
	Warnings []Field           `json:"warnings"` // of the daemons
}

// Block is a block of lvs.cf, with the values that it states, as they would be written there.
type Block struct {
	Name    string            `json:"name"`
	Number  int               `json:"number,omitempty"` // of two of the same name the second one has 1
	Keys    map[string]string `json:"keys"`
	Servers []Block           `json:"servers,omitempty"`
}

// ConfigOf reads a document. found is what the daemons say of it.
func ConfigOf(d *lvscf.Document, found lvscf.Findings) (Config, error) {
	blocks, err := d.Blocks()
	if err != nil {
		return Config{}, err
	}
	c := Config{
		File: changes.Sum(d.Bytes()), Serial: changes.Serial(d.Bytes()), Virtual: []Block{}, Failover: []Block{},
		Errors: Findings(found.Errors()), Warnings: Findings(found.Warnings()),
	}
	service := &c.Virtual // where real servers go: into its last block
	for _, b := range blocks {
		switch p := b.Path; {
		case p == lvscf.Path{}:
			c.Global = b.Values
		case p.Server != lvscf.Ref{}:
			parent := &(*service)[len(*service)-1]
			parent.Servers = append(parent.Servers, blockOf(p.Server, b))
		case p.Virtual != lvscf.Ref{}:
			c.Virtual, service = append(c.Virtual, blockOf(p.Virtual, b)), &c.Virtual
		default:
			c.Failover, service = append(c.Failover, blockOf(p.Failover, b)), &c.Failover
		}
	}
	return c, nil
}

func blockOf(ref lvscf.Ref, b lvscf.Block) Block {
	return Block{Name: ref.Name, Number: ref.N, Keys: b.Values}
}

// Changes is what the page of that name shows: how lvs.cf, the draft and a trial are.
type Changes struct {
	File    string  `json:"file"` // the name of the draft, or of lvs.cf if there is none: what the next edit must be of
	Running Running `json:"running"`
	Draft   *Draft  `json:"draft"` // null: there is none
	Trial   *Trial  `json:"trial"` // null: none
	Notice  string  `json:"notice,omitempty"`
}

// Running is lvs.cf.
type Running struct {
	File   string `json:"file"`
	Serial int64  `json:"serial_no"`
	State  State  `json:"state"`          // up: in force
	Text   string `json:"text,omitempty"` // what is to be said of that
}

// Draft is what lvs.cf may become.
type Draft struct {
	Begun    Who     `json:"begun"`
	Edits    []Made  `json:"edits"` // the last 100
	Diff     Diff    `json:"diff"`  // against the lvs.cf it was begun with
	Errors   []Field `json:"errors"`
	Warnings []Field `json:"warnings"` // that lvs.cf did not have
	// Conflict is what somebody else has changed in lvs.cf meanwhile.
	Conflict  *Diff `json:"conflict"`
	Mergeable bool  `json:"mergeable"` // that can be taken over
}

// Made is an edit of a draft.
type Made struct {
	Who
	What string `json:"what"`
}

// Trial is an apply that is rolled back unless somebody keeps it.
type Trial struct {
	Who
	Serial  int64     `json:"serial_no"`
	Before  int64     `json:"serial_no_before"`
	Comment string    `json:"comment"`
	Until   time.Time `json:"until"`
}

// TrialOf is what is on trial; nil: nothing is.
func TrialOf(t *changes.Apply) *Trial {
	if t == nil {
		return nil
	}
	return &Trial{Who: Who(t.Who), Serial: changes.Serial(t.After), Before: changes.Serial(t.Before), Comment: t.Comment, Until: t.Confirm}
}

// MadeOf are the edits of a draft.
func MadeOf(edits []changes.Edit) []Made {
	list := make([]Made, len(edits))
	for i, e := range edits {
		list[i] = Made{Who(e.Who), e.What}
	}
	return list
}

// Diff is how two texts differ.
type Diff struct {
	Added   int    `json:"added"` // lines
	Removed int    `json:"removed"`
	Text    string `json:"text"` // in the unified format
}

// DiffOf compares two texts.
func DiffOf(old, now []byte, oldName, newName string) Diff {
	lines := diff.Lines(string(old), string(now))
	d := Diff{Text: diff.Unified(lines, oldName, newName)}
	d.Added, d.Removed = diff.Count(lines)
	return d
}

// Version is an lvs.cf that was in its place once.
type Version struct {
	ID int `json:"id"`
	Who
	Comment string `json:"comment"`
	Result  string `json:"result"`
	Serial  int64  `json:"serial_no"`
	Added   int    `json:"added"` // lines, compared with the version before
	Removed int    `json:"removed"`
	Size    int    `json:"size"` // bytes
	File    string `json:"file"`
}

// Versions are in the order of time.
type Versions struct {
	Versions []Version `json:"versions"`
}

// VersionsOf are the versions that are kept.
func VersionsOf(list changes.Versions) Versions {
	v := Versions{Versions: make([]Version, len(list))}
	for i, old := range list {
		v.Versions[i] = Version{
			ID: old.ID, Who: Who(old.Who), Comment: old.Comment, Result: old.Result, Serial: old.Serial, Added: old.Added, Removed: old.Removed,
			Size: old.Size, File: old.Sum,
		}
	}
	return v
}
