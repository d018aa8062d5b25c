package syncd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// Conn is a connection to the IPVS of the network namespace it was opened in. It is not for concurrent use.
type Conn struct {
	kernel  kernel
	dial    func() (kernel, error)
	timeout time.Duration
}

// kernel is *ipvs.Writer, but for tests.
type kernel interface {
	Exchange(...ipvs.Request) ([]ipvs.Answer, error)
	Close() error
}

// Open connects to the kernel. No call takes longer than timeout for each exchange with the kernel: Set needs one to
// read and one for each change; only Open may also have to wait for the kernel to load a module. The error is
// ipvs.ErrNoIPVS where the kernel knows no IPVS.
func Open(timeout time.Duration) (*Conn, error) {
	c := &Conn{timeout: timeout, dial: func() (kernel, error) { return ipvs.Dial(timeout) }}
	if err := c.connect(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Conn) connect() error {
	k, err := c.dial()
	if err != nil {
		return err
	}
	c.kernel = k
	return nil
}

// Close closes the connection. Daemons go on running.
func (c *Conn) Close() error {
	if c.kernel == nil {
		return nil
	}
	return c.kernel.Close()
}

// List returns the daemons that run: none, one, or one of each role.
func (c *Conn) List() ([]Daemon, error) {
	answers, err := c.exchange(list())
	if err != nil {
		return nil, fmt.Errorf("list sync daemons: %w", err)
	}
	return daemons(answers[0])
}

// Set makes the wanted daemons run and no others. It writes nothing when they do already, and goes on after a change
// that the kernel refuses.
func (c *Conn) Set(want ...Daemon) error {
	have, err := c.List()
	if err != nil {
		return err
	}
	var failed []error
	for _, change := range Diff(have, want) {
		failed = append(failed, c.apply(change))
	}
	return errors.Join(failed...)
}

// apply makes one change. What counts in the end is what runs: the kernel may say nothing (ipvs.Writer.Exchange), and it
// refuses what somebody else has done a moment before.
func (c *Conn) apply(change Change) error {
	answers, err := c.exchange(ipvs.Request{Payload: change.payload()}, list())
	if err != nil {
		return fmt.Errorf("%s: %w", change, err)
	}
	if answers[0].Done && answers[0].Err == 0 {
		return nil
	}
	now, err := daemons(answers[1])
	if err != nil {
		return fmt.Errorf("%s: %w", change, err)
	}
	d, runs := find(now, change.Daemon.Role)
	switch {
	case change.Start && runs && d.meets(change.Daemon), !change.Start && !runs:
		return nil
	case !answers[0].Done:
		return fmt.Errorf("%s: interrupted", change)
	}
	return fmt.Errorf("%s: %w", change, reason(answers[0].Err))
}

// exchange is ipvs.Writer.Exchange with a bound on the sending too, which does the work and may have to wait for locks in
// the kernel. A connection that is stuck there is left to itself and a new one opened for the next call.
func (c *Conn) exchange(requests ...ipvs.Request) ([]ipvs.Answer, error) {
	if c.kernel == nil {
		if err := c.connect(); err != nil {
			return nil, err
		}
	}
	type result struct {
		answers []ipvs.Answer
		err     error
	}
	k, done, given := c.kernel, make(chan result), make(chan struct{})
	go func() {
		answers, err := k.Exchange(requests...)
		select {
		case done <- result{answers, err}:
		case <-given:
			k.Close()
		}
	}()
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.answers, r.err
	case <-timer.C:
		close(given)
		c.kernel = nil
		return nil, fmt.Errorf("the kernel did not answer within %v: %w", c.timeout, os.ErrDeadlineExceeded)
	}
}

// list asks for the daemons that run.
func list() ipvs.Request { return ipvs.Request{Payload: header(cmdGetDaemon), Dump: true} }

// daemons reads the answer to list.
func daemons(a ipvs.Answer) ([]Daemon, error) {
	if a.Err != 0 {
		return nil, fmt.Errorf("list sync daemons: %w", ipvs.Reason(a.Err))
	}
	found := make([]Daemon, 0, len(a.Payloads))
	for _, p := range a.Payloads {
		d, err := decode(p)
		if err != nil {
			return nil, fmt.Errorf("list sync daemons: %w", err)
		}
		found = append(found, d)
	}
	return found, nil
}

// String names the change in an error.
func (c Change) String() string {
	if c.Start {
		return "start sync daemon " + c.Daemon.Role.String() + " on " + c.Daemon.Dev
	}
	return "stop sync daemon " + c.Daemon.Role.String()
}

// reason puts the kernel's refusal into words an operator can act on.
func reason(errno unix.Errno) error {
	switch errno {
	case unix.EINVAL:
		return fmt.Errorf("%w: no sync beside destinations of another IP family than their service's", errno)
	case unix.ENETUNREACH:
		return fmt.Errorf("%w: is the device up?", errno)
	}
	return ipvs.Reason(errno)
}
