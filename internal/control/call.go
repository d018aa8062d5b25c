package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Client makes the calls that a daemon answers (doc/api.md).
type Client struct {
	Name   string // of the daemon, for errors: pulse, lvsd
	Socket string
}

// NewClient is a client of the daemon that claimed name in runDir.
func NewClient(runDir, name, daemon string) Client {
	return Client{Name: daemon, Socket: filepath.Join(runDir, name+".sock")}
}

// Refusal is a daemon's answer that it will not do what it was asked.
type Refusal struct {
	Status int    // of HTTP: 409 for something that cannot be done now, 403 for who may not ask
	Text   string // the daemon's
}

func (r *Refusal) Error() string { return r.Text }

// maxAnswer bounds an answer, in bytes: the status of 100,000 real servers is shorter.
const maxAnswer = 64 << 20

// Call makes a call, such as GET status, and decodes the answer into answer, unless that is nil. How long it may take is
// for ctx to say.
func (c Client) Call(ctx context.Context, method, name string, answer any) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://daemon/v1/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		refusal := &Refusal{Status: resp.StatusCode, Text: resp.Status}
		var failed struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(text, &failed) == nil && failed.Error != "" {
			refusal.Text = failed.Error
		}
		return fmt.Errorf("%s: %w", c.Name, refusal)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s: answer not understood: %w", c.Name, err)
	}
	return nil
}

// Gone tells that a call failed because the daemon does not run.
func Gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) }
