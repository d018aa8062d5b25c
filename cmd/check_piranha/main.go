// Command check_piranha is a plug-in for Nagios and its like: it tells in one line how the two routers and the virtual servers are.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

func main() {
	level, text := run(context.Background(), os.Args[1:])
	if _, err := os.Stdout.WriteString(text); err != nil {
		level = unknown
	}
	os.Exit(int(level))
}

// options are the command line's.
type options struct {
	limits  limits
	runDir  string
	timeout time.Duration
	noPulse bool
}

func (o *options) set() *cmdline.Set {
	*o = options{limits: limits{warning: &limit{}}, runDir: control.DefaultRunDir, timeout: 10 * time.Second}
	s := cmdline.New("check_piranha", "")
	s.Letter('h', "help")
	s.Letter('V', "version")
	s.Func('w', "warning", "N", "WARNING if more real servers of a virtual server than N, or N%, are down (default 0)", func(v string) (err error) {
		o.limits.warning, err = parseLimit(v)
		return err
	})
	s.Func('c', "critical", "N", "CRITICAL if more than N, or N%, are down (default: only if none serves)", func(v string) (err error) {
		o.limits.critical, err = parseLimit(v)
		return err
	})
	s.Time(&o.timeout, 't', "timeout", "TIME", "how long the daemons may take to answer (default 10)")
	s.Bool(&o.noPulse, 0, "no-pulse", "lvsd runs here without pulse")
	s.String(&o.runDir, 0, "run-dir", "DIR", "directory of the sockets (default /run/piranha)")
	return s
}

// run returns the exit status and what to print. Help is UNKNOWN too, as the guidelines for plug-ins have it: a check that was set
// up with it by mistake must not look well.
func run(ctx context.Context, args []string) (level, string) {
	var o options
	rest, err := o.set().Parse(args)
	switch done := (*cmdline.Done)(nil); {
	case errors.As(err, &done):
		return unknown, done.Text
	case err == nil && len(rest) > 0:
		err = errors.New("unexpected arguments")
	case err == nil && o.timeout <= 0:
		err = errors.New("bad argument --timeout: more than 0 expected")
	}
	if err != nil {
		return unknown, line(unknown, err.Error(), "")
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	r := o.ask(ctx).judge(o.limits)
	return r.level, r.line()
}

// ask asks both daemons.
func (o *options) ask(ctx context.Context) *state {
	s := &state{noPulse: o.noPulse}
	if !o.noPulse {
		s.pulse, s.pulseFault = ask[pulse.Status](ctx, control.NewClient(o.runDir, "pulse", "pulse"))
	}
	s.lvsd, s.lvsdFault = ask[lvs.Status](ctx, control.NewClient(o.runDir, "lvs", "lvsd"))
	return s
}

// ask asks one daemon for its status. A daemon that does not run or hangs is a fault of the router, anything else one of the check.
func ask[T any](ctx context.Context, c control.Client) (*T, *finding) {
	answer := new(T)
	err := c.Call(ctx, "GET", "status", answer)
	switch {
	case err == nil:
		return answer, nil
	case control.Gone(err):
		return nil, &finding{critical, fmt.Sprintf("%s does not run (nobody answers on %s)", c.Name, c.Socket)}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &finding{critical, fmt.Sprintf("%s does not answer on %s", c.Name, c.Socket)}
	case errors.Is(err, os.ErrPermission):
		return nil, &finding{unknown, fmt.Sprintf("%s may not be opened: only root and group %s may", c.Socket, control.Account)}
	}
	return nil, &finding{unknown, err.Error()}
}
