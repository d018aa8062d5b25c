package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a step may take before the bench gives up.
const patience = time.Minute

// lvsd is a running one.
type lvsd struct {
	cmd   *exec.Cmd
	lines chan string
}

// startLvsd starts the built lvsd with its files in dir.
func startLvsd(bin, dir string) (*lvsd, error) {
	cmd := exec.Command(filepath.Join(bin, "lvs"), "-n", "-c", filepath.Join(dir, "lvs.cf"), "--run-dir="+dir, "--state-dir="+dir, "--nanny="+filepath.Join(bin, "nanny"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &lvsd{cmd: cmd, lines: make(chan string, 1<<16)}
	go p.collect(out)
	return p, nil
}

func (p *lvsd) collect(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.lines <- lines.Text()
	}
	close(p.lines)
}

// wait returns the next line with a text in it.
func (p *lvsd) wait(text string) (string, error) {
	limit := time.After(patience)
	for {
		select {
		case line, more := <-p.lines:
			switch {
			case !more:
				return "", fmt.Errorf("lvsd ended instead of saying %q", text)
			case strings.Contains(line, text):
				return line, nil
			}
		case <-limit:
			return "", fmt.Errorf("lvsd did not say %q within %v", text, patience)
		}
	}
}

// reload has it read lvs.cf again, and returns the time that took and the number of writes.
func (p *lvsd) reload() (took time.Duration, writes int, err error) {
	started := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return 0, 0, err
	}
	line, err := p.wait("configuration reread")
	if err != nil {
		return 0, 0, err
	}
	_, count, _ := strings.Cut(line, "writes=")
	_, err = fmt.Sscan(count, &writes)
	return time.Since(started), writes, err
}

// stop ends it with SIGTERM and returns the time until it was gone.
func (p *lvsd) stop() (time.Duration, error) {
	started := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	for range p.lines { // so that it can say what it has to
	}
	err := p.cmd.Wait()
	return time.Since(started), err
}

// memory is the process's resident set now and at its largest, in MB.
func (p *lvsd) memory() (now, most float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range bytes.Lines(text) {
		var kB float64
		name, value, _ := strings.Cut(string(line), ":")
		if _, err := fmt.Sscan(value, &kB); err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			now = kB / 1024
		case "VmHWM":
			most = kB / 1024
		}
	}
	if now == 0 || most == 0 {
		return 0, 0, fmt.Errorf("no VmRSS or VmHWM of process %d", p.cmd.Process.Pid)
	}
	return now, most, nil
}
