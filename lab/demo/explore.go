package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// prompt asks a viewer for a line.
const prompt = bold + "demo> " + plain

// explore lets a viewer look inside the cluster until ctx is done.
func (s *show) explore(ctx context.Context) {
	if !s.opt.Live {
		s.tell("that was the tour; the cluster goes on until Ctrl-C")
		<-ctx.Done()
		return
	}
	fmt.Fprint(s.opt.Out, "\n"+s.help()+prompt)
	lines := s.typed()
	for {
		select {
		case <-ctx.Done():
			return
		case line, ok := <-lines:
			if !ok {
				// Nobody types: whoever started the demo without a terminal still wants to see it.
				s.draw(ctx)
				return
			}
			s.obey(ctx, strings.Fields(line), lines)
			fmt.Fprint(s.opt.Out, prompt)
		}
	}
}

// typed returns the lines a viewer types. Its goroutine ends with the input or the program: nothing can interrupt a
// read from a terminal.
func (s *show) typed() <-chan string {
	lines := make(chan string)
	if s.opt.In == nil {
		close(lines)
		return lines
	}
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(s.opt.In); in.Scan(); {
			lines <- in.Text()
		}
	}()
	return lines
}

// obey does what a line says.
func (s *show) obey(ctx context.Context, words []string, lines <-chan string) {
	var err error
	switch {
	case len(words) == 0:
	case words[0] == "help":
		fmt.Fprint(s.opt.Out, s.help())
	case words[0] == "watch":
		s.untilLine(ctx, lines, s.draw)
	case words[0] == "off" && len(words) == 2:
		err = s.power(ctx, words[1], false)
	case words[0] == "on" && len(words) == 2:
		err = s.power(ctx, words[1], true)
	default:
		err = s.inNode(ctx, words, lines)
	}
	if err != nil {
		fmt.Fprintln(s.opt.Out, err)
	}
}

// untilLine runs f until it returns, or a line is typed.
func (s *show) untilLine(ctx context.Context, lines <-chan string, f func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	select {
	case <-done:
	case <-lines:
		cancel()
		<-done
	}
}

// node finds a node by the name a viewer gave, and the directory its commands run in.
func (s *show) node(name string) (*topology.Node, string, error) {
	for _, r := range s.cluster.routers {
		if name == r.name() {
			return r.node, r.dir, nil
		}
	}
	if name == "client" {
		return s.cluster.net.Client(), s.cluster.dir, nil
	}
	for i := 1; i <= reals; i++ {
		if name == realName(i) {
			return s.cluster.net.Real(i), s.cluster.dir, nil
		}
	}
	return nil, "", fmt.Errorf("%s: no such machine: it is client, router1, router2, real1, real2 or real3 ('help' tells more)", name)
}

// inNode runs a command in a node until it ends, or a line is typed.
func (s *show) inNode(ctx context.Context, words []string, lines <-chan string) error {
	node, dir, err := s.node(words[0])
	if err != nil {
		return err
	}
	if len(words) == 1 {
		return errors.New("a command is missing, as in: " + words[0] + " ip address")
	}
	out := &lastByte{Writer: s.opt.Out}
	s.untilLine(ctx, lines, func(ctx context.Context) {
		cmd := node.Command(ctx, "sh", "-c", strings.Join(words[1:], " "))
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
		cmd.Env = append(os.Environ(), "PATH="+s.opt.Bin+":"+os.Getenv("PATH"))
		// A group of its own, so that what the command starts ends with it.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		if err := cmd.Run(); err != nil && ctx.Err() == nil {
			fmt.Fprintln(s.opt.Out, err)
		}
	})
	if out.last != '\n' && out.last != 0 {
		fmt.Fprintln(s.opt.Out) // the prompt begins a line
	}
	return nil
}

// lastByte remembers how an output has ended.
type lastByte struct {
	io.Writer
	last byte
}

func (w *lastByte) Write(b []byte) (int, error) {
	if len(b) > 0 {
		w.last = b[len(b)-1]
	}
	return w.Writer.Write(b)
}

// power switches a router, or the web server of a real server, on or off.
func (s *show) power(ctx context.Context, name string, on bool) error {
	var err error
	whole := context.WithoutCancel(ctx)
	for _, r := range s.cluster.routers {
		switch {
		case name != r.name():
			continue
		case on:
			err = r.powerOn(whole)
		default:
			err = r.powerOff()
		}
		return named(name, err)
	}
	for i := 1; i <= reals; i++ {
		switch {
		case name != realName(i):
			continue
		case on:
			err = s.cluster.startReal(whole, i)
		default:
			err = s.cluster.real[i-1].kill()
		}
		return named(name, err)
	}
	return fmt.Errorf("%s: no router and no real server", name)
}

func named(name string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// hint is a line a viewer may type.
type hint struct {
	needs string // program; "": none
	line  string
	why   string
}

// String is the line and why to type it, for a terminal of 80 columns.
func (h hint) String() string {
	const column = 38
	if len(h.line) > column {
		return fmt.Sprintf("  %s\n  %*s  %s\n", h.line, column, "", h.why)
	}
	return fmt.Sprintf("  %-*s  %s\n", column, h.line, h.why)
}

// help tells a viewer what there is to type.
func (s *show) help() string {
	var b strings.Builder
	b.WriteString(bold + "The cluster goes on. To look inside, type MACHINE COMMAND." + plain + "\n")
	b.WriteString("Machines: client, router1, router2, real1, real2, real3. Enter ends a command\nthat goes on for ever. Some lines to try:\n\n")
	for _, h := range hints() {
		if h.needs == "" || found(h.needs) {
			b.WriteString(h.String())
		}
	}
	b.WriteString("\nCtrl-C ends everything and leaves nothing.\n")
	return b.String()
}

func hints() []hint {
	return []hint{
		{"ipvsadm", "router1 ipvsadm -L -n --stats", "the kernel's table, with counters"},
		{"ipvsadm", "router1 ipvsadm -L -n -c | tail", "the connections it knows"},
		{"ip", "router1 ip -4 address", "floating ones have a label: eth0:1"},
		{"ip", "client ip neighbour", "to which router the client sends"},
		{"curl", "client curl -s http://" + topology.VIP + "/", "a request"},
		{"cat", "router2 cat lvs.cf", "the configuration"},
		{"tail", "router2 tail log", "what pulse, lvsd and the nannies say"},
		{"", "router2 piranhactl --run-dir . status", "both routers and all servers"},
		{"", "router1 piranhactl --run-dir . switchover", "let the other one serve"},
		{"", "off router1  (or on; or real3)", "take power away, or give it back"},
		{"", "watch", "the live view; Enter comes back here"},
		{"", "help", "this list"},
	}
}

// found tells whether a program can be run by its name alone.
func found(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
