package lvscf

import (
	"strconv"
	"strings"
)

// StatusRange is a range of HTTP statuses, both ends in it, 100 to 999.
type StatusRange struct{ From, To uint16 }

// StatusRanges are the HTTP statuses of a healthy real server.
type StatusRanges []StatusRange

// Bounds of check_status: the numbers of three figures, for not all servers keep to those HTTP knows, and how many ranges one may name.
const (
	minStatus = 100
	maxStatus = 999
	maxRanges = 32
)

// String writes the ranges as lvs.cf and nanny take them: 200,301-302.
func (s StatusRanges) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.From), 10)
		if r.To != r.From {
			b = strconv.AppendUint(append(b, '-'), uint64(r.To), 10)
		}
	}
	return string(b)
}

// parseStatuses reads "200,301-302".
func parseStatuses(text string) (StatusRanges, bool) {
	var ranges StatusRanges
	for part := range strings.SplitSeq(text, ",") {
		low, high, both := strings.Cut(part, "-")
		if !both {
			high = low
		}
		from, ok := parseStatus(low)
		to, ok2 := parseStatus(high)
		if !ok || !ok2 || to < from || len(ranges) == maxRanges {
			return nil, false
		}
		ranges = append(ranges, StatusRange{from, to})
	}
	return ranges, true
}

func parseStatus(text string) (uint16, bool) {
	if len(text) != 3 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && n >= minStatus && n <= maxStatus
}
