package events

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds a line of a stream, in bytes.
const maxLine = 1 << 20

// Read understands a stream of events and calls tell for each, until the stream ends or tell fails. Comments and fields that are
// not data are skipped: an event's ID and type are in its data, too.
func Read(r io.Reader, tell func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var data []string
	for lines.Scan() {
		line := lines.Text()
		if line != "" {
			if text, ok := strings.CutPrefix(line, "data:"); ok {
				data = append(data, strings.TrimPrefix(text, " "))
			}
			continue
		}
		if len(data) == 0 {
			continue
		}
		var e Event
		if err := json.Unmarshal([]byte(strings.Join(data, "\n")), &e); err != nil {
			return fmt.Errorf("event not understood: %w", err)
		}
		data = nil
		if err := tell(e); err != nil {
			return err
		}
	}
	return lines.Err()
}
