package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// options say what is measured.
type options struct {
	bin                     string
	services, servers, runs int
}

// bench collects the figures of every run by the name of the step.
type bench struct {
	options
	dir   string
	steps map[string][]float64
}

// The steps, as the table names them.
const (
	restore   = "`ipvsadm -R`"
	clearing  = "`ipvsadm -C`"
	program   = "lvsd: from its start until the table stands"
	unchanged = "lvsd: reload without a change"
	weight    = "lvsd: reload with one weight changed"
	remove    = "lvsd: SIGTERM until it has ended and the table is empty"
)

// Other figures.
const (
	residentNow  = "resident"
	residentMost = "largest"
)

func (b *bench) note(step string, value float64) { b.steps[step] = append(b.steps[step], value) }

// round lets both programs make and remove the same rows.
func (b *bench) round() error {
	if err := os.WriteFile(filepath.Join(b.dir, "lvs.cf"), b.config(1), 0o644); err != nil {
		return err
	}
	if err := b.ipvsadm(); err != nil {
		return err
	}
	return b.lvsd()
}

// ipvsadm measures ipvsadm, which is the measure of the rest.
func (b *bench) ipvsadm() error {
	rows := b.rows()
	took, err := timed(rows, "ipvsadm", "-R")
	if err != nil {
		return err
	}
	b.note(restore, took)
	if err := b.holds(b.services * (b.servers + 1)); err != nil {
		return err
	}
	if took, err = timed(nil, "ipvsadm", "-C"); err != nil {
		return err
	}
	b.note(clearing, took)
	return b.holds(0)
}

func (b *bench) lvsd() error {
	started := time.Now()
	p, err := startLvsd(b.bin, b.dir)
	if err != nil {
		return err
	}
	defer p.cmd.Process.Kill() //nolint:errcheck // it has ended, unless there was an error
	if _, err := p.wait("table adopted"); err != nil {
		return err
	}
	b.note(program, time.Since(started).Seconds())
	if err := b.holds(b.services * (b.servers + 1)); err != nil {
		return err
	}
	if err := b.reload(p, unchanged, 0); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "lvs.cf"), b.config(2), 0o644); err != nil {
		return err
	}
	if err := b.reload(p, weight, 1); err != nil {
		return err
	}
	now, most, err := p.memory()
	if err != nil {
		return err
	}
	b.note(residentNow, now)
	b.note(residentMost, most)
	took, err := p.stop()
	if err != nil {
		return err
	}
	b.note(remove, took.Seconds())
	return b.holds(0)
}

func (b *bench) reload(p *lvsd, step string, want int) error {
	took, writes, err := p.reload()
	if err != nil {
		return err
	}
	if writes != want {
		return fmt.Errorf("%s: %d writes, want %d", step, writes, want)
	}
	b.note(step, took.Seconds())
	return nil
}

// timed runs a program and returns the seconds it took.
func timed(input []byte, argv ...string) (float64, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin = bytes.NewReader(input)
	started := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return time.Since(started).Seconds(), nil
}

// holds asks ipvsadm, as the judge of both, how many rows there are.
func (b *bench) holds(want int) error {
	out, err := exec.Command("ipvsadm", "-S", "-n").Output()
	if err != nil {
		return fmt.Errorf("ipvsadm -S: %w", err)
	}
	if n := bytes.Count(out, []byte("\n")); n != want {
		return fmt.Errorf("the table has %d rows, want %d", n, want)
	}
	return nil
}

// config is the lvs.cf of the rows, the first of which has a weight of its own.
func (b *bench) config(first int) []byte {
	var s bytes.Buffer
	s.WriteString("serial_no = 1\nservice = lvs\nnetwork = direct\n")
	for v := range b.services {
		fmt.Fprintf(&s, "virtual v%d {\n\tactive = 1\n\taddress = 192.0.2.%d eth0:%d\n\tport = 80\n\tcheck = none\n\tscheduler = wlc\n", v, v+1, v+1)
		for r := range b.servers {
			w := 1
			if v == 0 && r == 0 {
				w = first
			}
			fmt.Fprintf(&s, "\tserver r%d {\n\t\taddress = 10.1.%d.%d\n\t\tactive = 1\n\t\tweight = %d\n\t}\n", r, v, r+1, w)
		}
		s.WriteString("}\n")
	}
	return s.Bytes()
}

// rows are the same for ipvsadm -R.
func (b *bench) rows() []byte {
	var s bytes.Buffer
	for v := range b.services {
		fmt.Fprintf(&s, "-A -t 192.0.2.%d:80 -s wlc\n", v+1)
		for r := range b.servers {
			fmt.Fprintf(&s, "-a -t 192.0.2.%d:80 -r 10.1.%d.%d:80 -g -w 1\n", v+1, v, r+1)
		}
	}
	return s.Bytes()
}

func (b *bench) median(step string) float64 {
	values := slices.Sorted(slices.Values(b.steps[step]))
	return values[len(values)/2]
}

// section is the part of doc/benchmarks.md about this bench.
func (b *bench) section() string {
	var s strings.Builder
	fmt.Fprintf(&s, `## lvsd with %d real servers

%d virtual servers with %d real servers each and `+"`check = none`"+`, in one boot of the lab's kernel, where a system call costs many times what it
costs elsewhere; %d runs in turn with ipvsadm, which makes and removes the same rows. Each time has the start of its program in it, or the
signal. The reload without a change wrote nothing, the one with a changed weight one message.

| Step | Median | Slowest | Of `+"`ipvsadm -R`"+` |
|---|---:|---:|---:|
`, b.services*b.servers, b.services, b.servers, b.runs)
	whole := b.median(restore)
	for _, step := range []string{restore, program, unchanged, weight, clearing, remove} {
		m := b.median(step)
		fmt.Fprintf(&s, "| %s | %.0f ms | %.0f ms | %.1f %% |\n", step, m*1000, slices.Max(b.steps[step])*1000, 100*m/whole)
	}
	fmt.Fprintf(&s, "\nlvsd's resident memory after the reloads: median %.1f MB, at most %.1f MB; the most it ever had: %.1f MB.\n",
		b.median(residentNow), slices.Max(b.steps[residentNow]), slices.Max(b.steps[residentMost]))
	return s.String()
}
