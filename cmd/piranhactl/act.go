package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// lookEvery is the pause between two looks at whether it has happened.
const lookEvery = 50 * time.Millisecond

// view is how things are at one moment.
type view struct {
	pulse *pulse.Status
	lvsd  *lvs.Status // that pulse runs; nil: there is none. Looked at for reload only
}

func (c cluster) look(ctx context.Context, command string) (v view, err error) {
	if v.pulse, err = c.pulseStatus(ctx); err != nil || command != "reload" {
		return v, err
	}
	// It need not run, and reads the file when it starts; one that somebody started by hand is not told to.
	if s, err := c.lvsdStatus(ctx); err == nil && s.Pid == v.pulse.LvsdPid {
		v.lvsd = s
	}
	return v, nil
}

// act has pulse do something, and waits until it has.
func (c cluster) act(ctx context.Context, command string, o options, out io.Writer) error {
	before, err := c.look(ctx, command)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	if err := c.pulse.Call(asked, "POST", command, nil); err != nil {
		return plain(c.pulse, err)
	}
	if o.noWait {
		return nil
	}
	now, err := c.await(ctx, command, before, o.timeout)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, outcome(command, now.pulse))
	return err
}

// await looks until what was asked for has happened.
func (c cluster) await(ctx context.Context, command string, before view, timeout time.Duration) (view, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last := before
	var failed error // of the last look
	for {
		now, err := c.look(limited, command)
		switch {
		case over(limited): // whatever it says, our own time is over
		case err != nil:
			failed = err
		case command == "reload" && reloadFailed(before.pulse, now.pulse):
			return now, errors.New(clean(now.pulse.LoadError))
		case happened(command, before, now):
			return now, nil
		default:
			last, failed = now, nil
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return last, fmt.Errorf("interrupted: %s has been asked for and may still happen", command)
			}
			if failed == nil {
				failed = errors.New(missing(command, before, last))
			}
			return last, fmt.Errorf("%s has been asked for, but not happened within %v: %w", command, timeout, failed)
		case <-time.After(lookEvery):
		}
	}
}

// over tells whether a context has ended, or is about to: a call that ends with it may say so first.
func over(ctx context.Context) bool {
	end, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(end)
}

// happened tells whether what was asked for shows in the status.
func happened(command string, before, now view) bool {
	was, is := before.pulse, now.pulse
	switch command {
	case "switchover":
		if was.State == "active" {
			return handedOver(is)
		}
		return is.State == "active"
	case "standby":
		return is.Standby && is.State == "inactive" && (was.State == "inactive" || handedOver(is))
	case "resume":
		return !is.Standby
	case "reexec":
		return !is.Loaded.Equal(was.Loaded) && is.State == was.State && (is.LvsdPid != 0) == (was.LvsdPid != 0)
	}
	return !is.Loaded.Equal(was.Loaded) && lvsdReloaded(before.lvsd, now.lvsd)
}

func handedOver(s *pulse.Status) bool { return s.State == "inactive" && partnerState(s) == "active" }

// lvsdReloaded tells whether lvsd has read lvs.cf again, which pulse has it do. One that does not run will do so when it starts.
func lvsdReloaded(before, now *lvs.Status) bool {
	return before == nil || now == nil || now.Pid != before.Pid || !now.ConfigLoaded.Equal(before.ConfigLoaded)
}

// reloadFailed tells whether the last reload was refused. Two in a row for the same reason look alike, so the time decides.
func reloadFailed(before, now *pulse.Status) bool {
	return now.LoadError != "" && !now.LoadTried.Equal(before.LoadTried)
}

// missing says what is not as it was asked for.
func missing(command string, before, now view) string {
	switch {
	case command != "reload":
		return fmt.Sprintf("this router is %s, the other one %s", now.pulse.State, partnerState(now.pulse))
	case now.pulse.Loaded.Equal(before.pulse.Loaded):
		return "pulse is still reading it"
	}
	return "lvsd has not taken it"
}

// outcome says in a line how things are now.
func outcome(command string, s *pulse.Status) string {
	switch command {
	case "reload":
		return fmt.Sprintf("lvs.cf with serial_no %d is in force", s.SerialNo)
	case "resume":
		return "this router is " + s.State + " and may serve again"
	}
	switch {
	case s.State == "active":
		return "this router is active"
	case partnerState(s) == "active":
		return "this router is " + s.State + ", the other one serves"
	}
	return "this router is " + s.State + ", the other one " + partnerState(s) + ": nobody serves"
}

// partnerState is what is known of the partner, in a word.
func partnerState(s *pulse.Status) string {
	if s.Partner.Health == "alive" && s.Partner.State != "" {
		return s.Partner.State
	}
	return s.Partner.Health
}
