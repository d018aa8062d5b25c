package gui

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Limits of a command that a button runs.
const (
	commandTime   = 25 * time.Second
	commandOutput = 16 << 10 // bytes
)

// output keeps the beginning of what a command writes.
type output struct{ text []byte }

func (o *output) Write(p []byte) (int, error) {
	o.text = append(o.text, p[:min(len(p), commandOutput-len(o.text))]...)
	return len(p), nil
}

// runCommand runs a command, without a shell, and returns what it wrote.
func runCommand(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return strings.ToValidUTF8(string(out.text), "?"), err
}
