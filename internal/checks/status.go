package checks

import (
	"errors"
	"strconv"
	"strings"
)

// StatusRange is a range of HTTP statuses, both ends included, of 100 to 999.
type StatusRange struct{ First, Last uint16 }

// StatusSet is the statuses that are good.
type StatusSet []StatusRange

// DefaultStatus is what is good when nothing is said: every success and every redirection. A server that sends its clients
// elsewhere is alive, and as often as not does so with those who ask by its address.
func DefaultStatus() StatusSet { return StatusSet{{200, 399}} }

var errStatus = errors.New("statuses are numbers of 100 to 999 and ranges of them with commas between, as 200,301-302")

// ParseStatus reads numbers and ranges with commas between, as "200,301-302".
func ParseStatus(text string) (StatusSet, error) {
	var set StatusSet
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		first, last := statusNumber(from), statusNumber(to)
		if first == 0 || last < first {
			return nil, errStatus
		}
		set = append(set, StatusRange{first, last})
	}
	return set, nil
}

// statusNumber returns 0 for what is none.
func statusNumber(text string) uint16 {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || n < 100 || n > 999 {
		return 0
	}
	return uint16(n)
}

// Has tells whether a status is in the set.
func (s StatusSet) Has(status int) bool {
	for _, r := range s {
		if status >= int(r.First) && status <= int(r.Last) {
			return true
		}
	}
	return false
}

// String writes the set as ParseStatus reads it.
func (s StatusSet) String() string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(r.First)))
		if r.Last != r.First {
			b.WriteString("-" + strconv.Itoa(int(r.Last)))
		}
	}
	return b.String()
}
