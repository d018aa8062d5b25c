// Command piranhactl shows what pulse and lvsd do, and asks pulse to act.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	os.Exit(cmdline.Exit("piranhactl", err))
}

// options are the command line's.
type options struct {
	runDir   string
	timeout  time.Duration
	json     bool
	noWait   bool
	original bool
}

func (o *options) set() *cmdline.Set {
	*o = options{runDir: control.DefaultRunDir, timeout: 10 * time.Second}
	s := cmdline.New("piranhactl", "status | switchover | standby | resume | reload | check [FILE]")
	s.Bool(&o.json, 0, "json", "status as JSON")
	s.Bool(&o.noWait, 0, "no-wait", "do not wait until it has happened")
	s.Time(&o.timeout, 0, "timeout", "TIME", "how long to wait for that (10)")
	s.Bool(&o.original, 0, "original", "check: name what the original Piranha would refuse")
	s.String(&o.runDir, 0, "run-dir", "DIR", "directory of the sockets (default /run/piranha)")
	return s
}

var errCommand = errors.New("say one of: status, switchover, standby, resume, reload, check")

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var o options
	words, err := o.set().Parse(args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errCommand
	}
	command, words := words[0], words[1:]
	if command == "check" {
		return check(words, o.original, in, out)
	}
	if len(words) > 0 {
		return errors.New("unexpected arguments")
	}
	if o.timeout <= 0 {
		return errors.New("bad argument --timeout: more than 0 expected")
	}
	c := cluster{
		pulse: control.NewClient(o.runDir, "pulse", "pulse"), lvsd: control.NewClient(o.runDir, "lvs", "lvsd"),
	}
	switch command {
	case "status":
		return status(ctx, c, o.json, out)
	case "switchover", "standby", "resume", "reload":
		return c.act(ctx, command, o, out)
	}
	return fmt.Errorf("unknown command %q: %w", command, errCommand)
}

// cluster is what answers here: the two daemons of this router.
type cluster struct{ pulse, lvsd control.Client }

// callTime bounds a call that only asks.
const callTime = 5 * time.Second

func (c cluster) pulseStatus(ctx context.Context) (*pulse.Status, error) {
	return ask[pulse.Status](ctx, c.pulse)
}

func (c cluster) lvsdStatus(ctx context.Context) (*lvs.Status, error) {
	return ask[lvs.Status](ctx, c.lvsd)
}

func ask[T any](ctx context.Context, c control.Client) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var answer T
	if err := c.Call(ctx, "GET", "status", &answer); err != nil {
		return nil, plain(c, err)
	}
	return &answer, nil
}

// plain says in a line what to do about a call that failed.
func plain(c control.Client, err error) error {
	var refusal *control.Refusal
	switch {
	case errors.As(err, &refusal):
		return err
	case control.Gone(err):
		return fmt.Errorf("%s does not run here (nobody answers on %s)", c.Name, c.Socket)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s may not be opened: only root and group %s may", c.Socket, control.Account)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer on %s", c.Name, c.Socket)
	}
	return err
}
