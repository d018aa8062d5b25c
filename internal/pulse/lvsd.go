package pulse

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/supervise"
)

// startTime is how long an activation waits for an lvsd that is starting.
const startTime = 10 * time.Second

// lvsdTime bounds a call to lvsd: it has to write a table of any size meanwhile.
const lvsdTime = 10 * time.Second

// lookAgain is the pause between two looks for an lvsd that is starting.
const lookAgain = 10 * time.Millisecond

// downTime bounds the call that empties the table: the addresses are down by then, and the partner waits to hear so.
const downTime = 2 * time.Second

// lvsd is the lvs daemon that pulse runs, on both routers: on the inactive one it watches the real servers.
type lvsd struct {
	command supervise.Command
	client  control.Client
}

func newLvsd(o Options, environment []string) lvsd {
	argv := []string{o.Lvsd}
	if o.Foreground {
		argv = append(argv, "--nodaemon")
	} else {
		argv = append(argv, "--nofork")
	}
	argv = append(argv, "-c", o.ConfigFile)
	if o.Verbose {
		argv = append(argv, "-v")
	}
	argv = append(argv, "--guard-fd=3", "--run-dir="+o.RunDir, "--state-dir="+o.StateDir)
	if o.Nanny != "" {
		argv = append(argv, "--nanny="+o.Nanny)
	}
	return lvsd{
		command: supervise.Command{Path: o.Lvsd, Args: argv, Env: environment, ReportFD: 3, Survives: true, Output: o.Output},
		client:  control.NewClient(o.RunDir, "lvs", "lvsd"),
	}
}

// run runs lvsd, on standby or not, until it ends, which is the error; pid is 0 if it did not even start. It calls up with its
// pid once it answers, and said with each line it reports.
func (l lvsd) run(ctx context.Context, standby bool, up func(pid int), said func(line string)) (pid int, err error) {
	command := l.command
	if standby {
		command.Args = append(slices.Clip(command.Args), "--standby")
	}
	inner, cancel := context.WithCancel(ctx)
	waited := make(chan struct{})
	close(waited)
	defer func() { cancel(); <-waited }()
	err = supervise.Run(ctx, command, func(e supervise.Event) {
		if e.Pid == 0 {
			said(e.Line)
			return
		}
		pid = e.Pid
		waited = make(chan struct{})
		go func() {
			defer close(waited)
			if l.await(inner, e.Pid) == nil {
				up(e.Pid)
			}
		}()
	})
	return pid, err
}

// await waits until the lvsd with this pid answers.
func (l lvsd) await(ctx context.Context, pid int) error {
	for {
		var status struct {
			Pid int `json:"pid"`
		}
		err := l.status(ctx, &status)
		if err == nil && status.Pid == pid {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(lookAgain):
		}
	}
}

func (l lvsd) status(ctx context.Context, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, lvsdTime)
	defer cancel()
	return l.client.Call(ctx, http.MethodGet, "status", answer)
}

// setActive has the table filled or emptied, and returns when the kernel has taken it.
func (l lvsd) setActive(ctx context.Context, active bool) error {
	call := "deactivate"
	if active {
		call = "activate"
	}
	return l.client.Call(ctx, http.MethodPost, call, nil)
}
