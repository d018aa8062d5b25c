// Package wire is the framing spoken between lab and the init it boots: one serial line carries the command's
// output, its exit status and signals, so nothing the kernel prints can get in between.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind says what a frame carries.
type Kind byte

// The kinds of frames. Signal and below travel from lab to init, the others from init to lab.
const (
	Ready    Kind = 'R' // the command is about to start; before it lab must not send anything
	Stdout   Kind = 'O'
	Stderr   Kind = 'E'
	Exit     Kind = 'X' // four bytes: exit status
	Failed   Kind = 'F' // the bed itself failed: one line of text
	Signal   Kind = 'S' // one byte: signal number
	Stdin    Kind = 'I'
	StdinEOF Kind = 'C'
)

// maxPayload bounds what Read accepts, so that a line out of step is reported and not allocated.
const maxPayload = 1 << 20

// Chunk is how much output is put into one frame.
const Chunk = 16 << 10

// Conn reads and writes frames. Writes may come from several goroutines.
type Conn struct {
	rw io.ReadWriter
	mu sync.Mutex
}

// New returns a Conn on rw.
func New(rw io.ReadWriter) *Conn { return &Conn{rw: rw} }

// Write sends one frame.
func (c *Conn) Write(k Kind, payload []byte) error {
	buf := make([]byte, 5, 5+len(payload))
	buf[0] = byte(k)
	binary.BigEndian.PutUint32(buf[1:], uint32(len(payload)))
	buf = append(buf, payload...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.rw.Write(buf); err != nil {
		return fmt.Errorf("write %q frame: %w", k, err)
	}
	return nil
}

// WriteStatus sends an exit status.
func (c *Conn) WriteStatus(status int) error {
	return c.Write(Exit, binary.BigEndian.AppendUint32(nil, uint32(status)))
}

// Status decodes the payload of an Exit frame.
func Status(payload []byte) (int, error) {
	if len(payload) != 4 {
		return 0, fmt.Errorf("exit frame of %d bytes, want 4", len(payload))
	}
	return int(binary.BigEndian.Uint32(payload)), nil
}

// Read returns the next frame. The error is io.EOF only between two frames.
func (c *Conn) Read() (Kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(c.rw, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, fmt.Errorf("frame %q of %d bytes: line out of step", head[0], n)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(c.rw, payload); err != nil {
		return 0, nil, fmt.Errorf("read %q frame: %w", head[0], err)
	}
	return Kind(head[0]), payload, nil
}

// Stream returns a writer that sends everything as frames of kind k.
func (c *Conn) Stream(k Kind) io.Writer { return stream{c, k} }

type stream struct {
	conn *Conn
	kind Kind
}

func (s stream) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, Chunk)
		if err := s.conn.Write(s.kind, p[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// Job is what init is asked to run. It travels as a file, because a kernel command line is short.
type Job struct {
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir"`
	// Out is the one directory of the machine that is writable inside, as OutDir.
	Out string `json:"out"`
}

// OutDir is where Job.Out appears inside.
const OutDir = "/run/lab/out"

// JobEnv is the environment variable that tells init where the job file is.
const JobEnv = "LAB_JOB"

// Encode returns the job file's text.
func (j Job) Encode() ([]byte, error) {
	b, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	return b, nil
}

// DecodeJob reads a job file's text.
func DecodeJob(b []byte) (Job, error) {
	var j Job
	if err := json.Unmarshal(b, &j); err != nil {
		return Job{}, fmt.Errorf("decode job: %w", err)
	}
	if len(j.Argv) == 0 {
		return Job{}, fmt.Errorf("decode job: no command")
	}
	return j, nil
}
