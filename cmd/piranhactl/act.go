package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/piranha-lvs/piranha/internal/pulse"
)

// lookEvery is the pause between two looks at whether it has happened.
const lookEvery = 50 * time.Millisecond

// act has pulse do something, and waits until it has.
func (c cluster) act(ctx context.Context, command string, o options, out io.Writer) error {
	before, err := c.pulseStatus(ctx)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := c.pulse.Call(asked, "POST", command, nil); err != nil {
		return plain(c.pulse, err)
	}
	if o.noWait {
		return nil
	}
	ctx, cancel = context.WithTimeout(ctx, o.timeout)
	defer cancel()
	for {
		now, err := c.pulseStatus(ctx)
		switch {
		case err == nil && command == "reload" && reloadFailed(before, now):
			return errors.New(now.LoadError)
		case err == nil && happened(command, before, now):
			_, err := fmt.Fprintln(out, outcome(command, now))
			return err
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("this router is %s, the other one %s", now.State, partnerState(now))
			}
			return fmt.Errorf("%s has been asked for, but not happened within %v: %w", command, o.timeout, err)
		case <-time.After(lookEvery):
		}
	}
}

// happened tells whether what was asked for shows in the status.
func happened(command string, before, now *pulse.Status) bool {
	switch command {
	case "switchover":
		if before.State == "active" {
			return now.State == "inactive" && now.Partner.State == "active"
		}
		return now.State == "active"
	case "standby":
		return now.Standby && now.State == "inactive"
	case "resume":
		return !now.Standby
	}
	return now.Loaded.After(before.Loaded)
}

// reloadFailed tells whether the last reload was refused. Two in a row for the same reason look alike, so the time decides.
func reloadFailed(before, now *pulse.Status) bool {
	return now.LoadError != "" && now.LoadTried.After(before.LoadTried)
}

// outcome says in a line how things are now.
func outcome(command string, s *pulse.Status) string {
	switch command {
	case "reload":
		return fmt.Sprintf("lvs.cf with serial_no %d is in force", s.SerialNo)
	case "resume":
		return "this router is " + s.State + " and may serve again"
	}
	text := "this router is " + s.State
	if s.State != "active" && s.Partner.State == "active" {
		text += ", the other one serves"
	}
	return text
}

// partnerState is what is known of the partner, in a word.
func partnerState(s *pulse.Status) string {
	if s.Partner.Health == "alive" && s.Partner.State != "" {
		return s.Partner.State
	}
	return s.Partner.Health
}
