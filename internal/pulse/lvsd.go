package pulse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/supervise"
)

// startTime is how long an activation waits for an lvsd that is starting.
const startTime = 10 * time.Second

// lvsdTime bounds a call to lvsd: it has to write a table of any size meanwhile.
const lvsdTime = 10 * time.Second

// lookAgain is the pause between two looks for an lvsd that is starting.
const lookAgain = 10 * time.Millisecond

// lvsd is the lvs daemon that pulse runs, on both routers: on the inactive one it watches the real servers.
type lvsd struct {
	command supervise.Command
	socket  string
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
		socket:  filepath.Join(o.RunDir, "lvs.sock"),
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
		err := l.call(ctx, http.MethodGet, "status", &status)
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

// gone tells that a call failed because no lvsd runs.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED)
}

// setActive has the table filled or emptied, and returns when the kernel has taken it.
func (l lvsd) setActive(ctx context.Context, active bool) error {
	call := "deactivate"
	if active {
		call = "activate"
	}
	return l.call(ctx, http.MethodPost, call, nil)
}

// call makes one call of lvs.sock (doc/api.md).
func (l lvsd) call(ctx context.Context, method, name string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, lvsdTime)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", l.socket)
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lvsd/v1/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("lvsd: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("lvsd: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var failed struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(text, &failed) == nil && failed.Error != "" {
			return errors.New("lvsd: " + failed.Error)
		}
		return errors.New("lvsd: " + resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
