// Command piranha-gui serves the web panels. See piranha-gui(8).
package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/passwd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(cmdline.Exit("piranha-gui", err))
}

// defaultListen is the original's port, on all addresses.
const defaultListen = ":3636"

// options are the command line's, as piranha-gui(8) has them.
type options struct {
	listen                                   string
	configFile, passwdFile, runDir, stateDir string
	tls                                      string // auto, off or CERT,KEY
	plainHTTP                                bool
	viewers                                  []string
	metricsAllow                             []netip.Prefix
	startPulse, stopPulse                    []string
}

func (o *options) set() *cmdline.Set {
	*o = options{
		configFile: "/etc/sysconfig/ha/lvs.cf", passwdFile: passwd.DefaultFile, runDir: control.DefaultRunDir,
		stateDir: "/var/lib/piranha-gui", tls: "auto",
	}
	s := cmdline.New("piranha-gui", "")
	s.String(&o.listen, 0, "listen", "ADDR:PORT", "where to answer (default "+defaultListen+")")
	s.String(&o.configFile, 'c', "configfile", "FILE", "configuration file (default /etc/sysconfig/ha/lvs.cf)")
	s.String(&o.passwdFile, 0, "passwd-file", "FILE", "accounts and their passwords (default "+passwd.DefaultFile+")")
	s.String(&o.runDir, 0, "run-dir", "DIR", "directory of the daemons' sockets (default /run/piranha)")
	s.String(&o.stateDir, 0, "state-dir", "DIR", "certificate, draft and versions (default /var/lib/piranha-gui)")
	s.String(&o.tls, 0, "tls", "auto|off|CERT,KEY", "the certificate: of the state directory, none, or these files")
	s.Bool(&o.plainHTTP, 0, "allow-plain-http", "with --tls=off, answer on addresses others can reach")
	for _, c := range []struct {
		name, does string
		argv       *[]string
	}{{"start-command", "starts", &o.startPulse}, {"stop-command", "stops", &o.stopPulse}} {
		s.Func(0, c.name, "COMMAND", "what "+c.does+" pulse; without it there is no such button", func(v string) error {
			if *c.argv = strings.Fields(v); len(*c.argv) == 0 || !filepath.IsAbs((*c.argv)[0]) {
				return errors.New("a program with its absolute path expected, and its arguments")
			}
			return nil
		})
	}
	s.Func(0, "metrics-allow", "ADDRESS,...", "addresses and networks that get /metrics without a token", func(v string) (err error) {
		o.metricsAllow, err = networks(v)
		return err
	})
	s.Func(0, "viewers", "NAME,...", "accounts that may look and not change", func(v string) error {
		o.viewers = nil
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); !passwd.ValidAccount(name) || name == control.Account {
				return errors.New("names of accounts other than " + control.Account + " expected, with commas between them")
			}
			o.viewers = append(o.viewers, name)
		}
		return nil
	})
	return s
}

// networks reads addresses and networks, with commas between them.
func networks(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		p, err := netip.ParsePrefix(part)
		if a, alone := netip.ParseAddr(part); alone == nil && a.Zone() == "" {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, errors.New("addresses or networks such as 192.0.2.7 or 2001:db8::/32 expected, with commas between them")
		}
		list = append(list, p)
	}
	return list, nil
}

func run(ctx context.Context, args []string) error {
	var o options
	rest, err := o.set().Parse(args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return errors.New("unexpected arguments")
	}
	return serve(ctx, o)
}
