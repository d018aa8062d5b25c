package pulse

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/privilege"
)

// commandTime is how long active_cmd or inactive_cmd may run. The original let them run for ever.
const commandTime = 30 * time.Second

// command is an active_cmd or inactive_cmd.
type command struct {
	words []string
	as    *syscall.SysProcAttr
}

// command has active_cmd or inactive_cmd run.
func (d *Daemon) command(line string) {
	words := strings.Fields(line) // no quotes and no shell, as in the original
	if len(words) == 0 {
		return
	}
	if as := d.standing(words[0]); as != nil {
		d.due(command{words, as})
	}
}

// due has a command run beside everything else, after the one before has ended: a slow inactive_cmd must not undo what the
// active_cmd after it did. One that still waits is not run any more: times have changed.
func (d *Daemon) due(c command) {
	select {
	case late := <-d.commands:
		d.log.Warn("command not run: another one is due", "command", late.words[0])
	default:
	}
	d.commands <- c // of the two ends of this only the other one blocks
	d.running.Go(d.runCommands)
}

// runCommands runs the command that waits, if one does.
func (d *Daemon) runCommands() {
	d.commandRuns.Lock()
	defer d.commandRuns.Unlock()
	select {
	case c := <-d.commands:
		if err := runCommand(c.words, c.as, commandTime); err != nil {
			d.log.Warn("command failed", "err", err.Error())
		}
	default:
	}
}

// judgeCommands says at once what would be said when a command is due.
func (d *Daemon) judgeCommands() {
	for _, line := range []string{d.cfg.ActiveCmd, d.cfg.InactiveCmd} {
		if words := strings.Fields(line); len(words) > 0 {
			d.standing(words[0])
		}
	}
}

// standing is as whom a program of lvs.cf runs; nil if it must not.
func (d *Daemon) standing(program string) *syscall.SysProcAttr {
	as, why, err := privilege.Command(d.opt.ConfigFile, program)
	if err != nil {
		d.log.Error("command not run", "command", program, "err", err.Error())
		return nil
	}
	if _, said := d.demoted[program]; why != nil && !said {
		d.demoted[program] = struct{}{}
		d.log.Warn("command does not run as root", "command", program, "why", why.Error())
	}
	return &syscall.SysProcAttr{Credential: as, Setpgid: true}
}

// runCommand runs a command and whatever it starts for at most limit.
func runCommand(words []string, as *syscall.SysProcAttr, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var said tail
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir, c.SysProcAttr, c.Stdout, c.Stderr = "/", as, &said, &said
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second // for what it left behind with our pipe open
	err := c.Run()
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it may leave a daemon behind
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: killed after %v", words[0], limit)
	}
	return fmt.Errorf("%s: %w: %q", words[0], err, said.text)
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

// tailSize is what there is room for in a line of the log.
const tailSize = 200

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	t.text = t.text[max(len(t.text)-tailSize, 0):]
	return len(b), nil
}
