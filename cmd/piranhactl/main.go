// Command piranhactl shows what pulse and lvsd do, and asks pulse to act.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
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
	within   time.Duration
	noWait   bool
	original bool

	configFile, nanny string
	device            string
	realServer        bool
	watching
}

func (o *options) set() *cmdline.Set {
	*o = options{runDir: control.DefaultRunDir, timeout: 10 * time.Second, configFile: defaultFile}
	s := cmdline.New("piranhactl", "COMMAND [WORD...]")
	s.Command("status", "show both routers, the virtual servers and the real servers")
	s.Command("history VIRTUAL [SERVER]", "show the last checks of real servers")
	s.Command("probe VIRTUAL SERVER", "check a real server now, and print every step")
	s.Command("events", "show what happens, as it happens")
	s.Command("top", "show what goes through the servers, again and again")
	s.Command("connections [VIRTUAL [SERVER]]", "list connections that the kernel knows")
	s.Command("drain VIRTUAL SERVER", "give a real server no new connections, and wait until it has none left")
	s.Command("maint VIRTUAL SERVER", "take a real server out of service")
	s.Command("ready VIRTUAL SERVER", "end drain and maint")
	s.Command("weight VIRTUAL SERVER N", "give a real server another weight than lvs.cf does; default ends that")
	s.Command("switchover", "let the other router serve, whichever does now")
	s.Command("standby", "do not let this router serve until resume")
	s.Command("resume", "end standby")
	s.Command("reload", "have pulse and lvsd read lvs.cf again")
	s.Command("reexec", "have pulse and lvsd go on as the programs that are installed now")
	s.Command("check [FILE]", "print what is wrong with an lvs.cf (default /etc/sysconfig/ha/lvs.cf; - is standard input)")
	s.Command("doctor", "look at this machine for what LVS set-ups break on, and say what mends it")
	s.Command("import FORMAT FILE", "print an lvs.cf made of another program's file; FORMAT is keepalived, ldirectord or ipvsadm (what ipvsadm -S prints)")
	s.Command("help", "show this help and exit")
	s.Bool(&o.json, 0, "json", "status, history, events, connections, doctor: as JSON")
	s.Bool(&o.realServer, 0, "real-server", "doctor: this machine is a real server of lvs.cf, not a router")
	o.watching.set(s)
	s.Bool(&o.original, 0, "original", "check: name what the original Piranha would refuse")
	s.String(&o.device, 0, "device", "DEV", "import: device of floating addresses whose file names none")
	s.Time(&o.within, 0, "within", "TIME", "drain: take the server out of service after this time")
	s.Bool(&o.noWait, 0, "no-wait", "do not wait until it has happened")
	s.Time(&o.timeout, 0, "timeout", "TIME", "how long to wait for that (default 10)")
	s.String(&o.runDir, 0, "run-dir", "DIR", "directory of the sockets (default /run/piranha)")
	s.String(&o.configFile, 'c', "configfile", "FILE", "probe, doctor: lvs.cf (default /etc/sysconfig/ha/lvs.cf)")
	s.String(&o.nanny, 0, "nanny", "PATH", "probe: nanny program (default /usr/sbin/nanny)")
	return s
}

// acting are the commands that make pulse do something.
var acting = []string{"switchover", "standby", "resume", "reload", "reexec"}

// inJSON are the commands that can print JSON.
var inJSON = []string{"status", "history", "events", "connections", "doctor"}

// misplaced finds an option that is for another command: silently without effect it would mislead.
func (o *options) misplaced(command string) error {
	switch {
	case o.json && !slices.Contains(inJSON, command):
		return errors.New("--json is for " + strings.Join(inJSON, ", "))
	case o.configFile != defaultFile && command != "probe" && command != "doctor":
		return errors.New("--configfile is for probe, doctor")
	case o.nanny != "" && command != "probe":
		return errors.New("--nanny is for probe")
	case o.realServer && command != "doctor":
		return errors.New("--real-server is for doctor")
	case o.original && command != "check":
		return errors.New("--original is for check")
	case o.device != "" && command != "import":
		return errors.New("--device is for import")
	case o.noWait && !slices.Contains(acting, command) && command != "drain" && command != "events":
		return errors.New("--no-wait is for " + strings.Join(acting, ", ") + ", drain, events")
	case o.within != 0 && command != "drain":
		return errors.New("--within is for drain")
	case o.within < 0:
		return errors.New("bad argument --within: more than 0 expected")
	case o.timeout <= 0:
		return errors.New("bad argument --timeout: more than 0 expected")
	}
	return o.watching.misplaced(command)
}

var errCommand = errors.New("say one of: status, history, events, top, connections, probe, drain, maint, ready, weight, switchover, standby, resume, reload, reexec, check, doctor, import, help")

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var o options
	set := o.set()
	words, err := set.Parse(args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errCommand
	}
	command, words := words[0], words[1:]
	if command == "help" {
		_, err := set.Parse([]string{"--help"})
		return err
	}
	wanted, known := wordsOf[command]
	if !known {
		return fmt.Errorf("unknown command %q: %w", command, errCommand)
	}
	if err := o.misplaced(command); err != nil {
		return err
	}
	switch {
	case len(words) > wanted.most:
		return errors.New("unexpected arguments")
	case len(words) < wanted.least:
		return errors.New("missing arguments: " + wanted.usage)
	}
	return o.do(ctx, command, words, in, out)
}

// wordsOf says how many words follow each command.
var wordsOf = map[string]struct {
	least, most int
	usage       string
}{
	"status": {}, "events": {}, "top": {}, "doctor": {}, "switchover": {}, "standby": {}, "resume": {}, "reload": {}, "reexec": {},
	"check":       {0, 1, "check [FILE]"},
	"import":      {2, 2, importUsage},
	"history":     {1, 2, "history VIRTUAL [SERVER]"},
	"connections": {0, 2, "connections [VIRTUAL [SERVER]]"},
	"probe":       {2, 2, "probe VIRTUAL SERVER"},
	"drain":       {2, 2, "drain VIRTUAL SERVER"},
	"maint":       {2, 2, "maint VIRTUAL SERVER"},
	"ready":       {2, 2, "ready VIRTUAL SERVER"},
	"weight":      {3, 3, "weight VIRTUAL SERVER N"},
}

func (o *options) do(ctx context.Context, command string, words []string, in io.Reader, out io.Writer) error {
	c := newCluster(o.runDir)
	switch command {
	case "check":
		return check(words, o.original, in, out)
	case "import":
		return importFile(words[0], words[1], o.device, in, out, os.Stderr)
	case "probe":
		return probeNow(ctx, o.configFile, o.nanny, words[0], words[1], out)
	case "doctor":
		return examine(ctx, c, *o, out)
	case "history":
		return history(ctx, c, words, o.json, out)
	case "top":
		return top(ctx, c, *o, in, out)
	case "connections":
		return connections(ctx, c, words, *o, out)
	case "events":
		return watchEvents(ctx, c, *o, out)
	case "drain", "maint", "ready", "weight":
		return c.order(ctx, command, words, *o, out)
	case "status":
		return status(ctx, c, o.json, out)
	}
	return c.act(ctx, command, *o, out)
}
