package events

import (
	"net/http"
	"time"
)

// Comment is what a reader skips. Written from time to time, it finds a reader that has gone.
const Comment = ":\n\n"

// Writer answers a request with server-sent events.
type Writer struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

// NewWriter begins the answer. patience is how long the reader may leave what it was sent unread.
func NewWriter(w http.ResponseWriter, patience time.Duration) (*Writer, error) {
	s := &Writer{w: w, control: http.NewResponseController(w), patience: patience}
	// The server would take a reader for gone that has nothing more to ask.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	return s, nil
}

// Write sends whole events and comments, as they go over the line.
func (s *Writer) Write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// WriteData sends an event that has data alone, on one line.
func (s *Writer) WriteData(line []byte) error {
	return s.Write("data: " + string(line) + "\n\n")
}
