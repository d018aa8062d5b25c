package changes

import "slices"

// Limits of what is kept of the past.
const (
	maxVersions     = 50
	maxVersionsSize = 64 << 20 // bytes
)

// Results of versions.
const (
	Applied    = "applied"
	OnTrial    = "on trial"
	Kept       = "kept"
	RolledBack = "rolled back"
	Left       = "not rolled back" // somebody else had changed lvs.cf by then
	Outside    = "changed outside" // by another program than this one
	Found      = "found"           // the first one
)

// Version is an lvs.cf that was in its place once.
type Version struct {
	ID int `json:"id"` // from 1, each once
	Who
	Comment string `json:"comment"`
	Result  string `json:"result"`
	Serial  int64  `json:"serial_no"`
	Added   int    `json:"added"` // lines, compared with the version before
	Removed int    `json:"removed"`
	Size    int    `json:"size"` // bytes
	Sum     string `json:"sum"`
}

// Versions are in the order of time.
type Versions []Version

// Last is the newest; the zero one if there is none.
func (list Versions) Last() Version {
	if len(list) == 0 {
		return Version{}
	}
	return list[len(list)-1]
}

// Find returns the version of that number.
func (list Versions) Find(id int) (Version, bool) {
	i := slices.IndexFunc(list, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return Version{}, false
	}
	return list[i], true
}

// With is the list with one more version, which gets the next number, and without the oldest ones that are too many. The
// newest two stay however large they are.
func (list Versions) With(v Version) Versions {
	v.ID = list.Last().ID + 1
	v.Who, v.Comment = v.limited(), limit(v.Comment, MaxComment)
	next := append(slices.Clone(list), v)
	size := 0
	for _, old := range next {
		size += old.Size
	}
	for len(next) > 2 && (len(next) > maxVersions || size > maxVersionsSize) {
		size -= next[0].Size
		next = next[1:]
	}
	return next
}

// Judged is the list with another result of the version of that sum that is on trial.
func (list Versions) Judged(sum, result string) Versions {
	next := slices.Clone(list)
	for i := range next {
		if next[i].Sum == sum && next[i].Result == OnTrial {
			next[i].Result = result
		}
	}
	return next
}

// trial is the sum of the newest version that is on trial, "" if none is.
func (list Versions) trial() string {
	for _, v := range slices.Backward(list) {
		if v.Result == OnTrial {
			return v.Sum
		}
	}
	return ""
}

// sound tells whether a list that was read could have been written.
func (list Versions) sound() bool {
	last := 0
	for _, v := range list {
		if v.ID <= last || v.Size < 0 || len(v.Comment) > MaxComment {
			return false
		}
		last = v.ID
	}
	return len(list) <= maxVersions
}
