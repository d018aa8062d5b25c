// Command send_arp sends one gratuitous ARP frame, or one neighbour advertisement. See send_arp(8).
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/piranha-lvs/piranha/internal/arp"
	"github.com/piranha-lvs/piranha/internal/cmdline"
)

const (
	// defaultDevice is the original's.
	defaultDevice = "eth0"
	synopsis      = "src_ip src_mac target_ip target_mac"
)

func main() { os.Exit(report(run(os.Args[1:]))) }

// message is an error that the original printed without its name in front.
type message struct{ error }

// Unwrap returns the error itself.
func (m message) Unwrap() error { return m.error }

// report is cmdline.Exit, but for the messages.
func report(err error) int {
	var m message
	if errors.As(err, &m) {
		// Nothing can be done when even this fails; the status still tells.
		_, _ = fmt.Fprintln(os.Stderr, m.error)
		return 1
	}
	return cmdline.Exit("send_arp", err)
}

// options are the command line's, as send_arp(8) has them.
type options struct {
	dev    string
	v6     bool // refuse IPv4 addresses
	router bool
}

func (o *options) set() *cmdline.Set {
	*o = options{dev: defaultDevice}
	s := cmdline.New("send_arp", synopsis)
	s.String(&o.dev, 'i', "interface", "DEV", "device to send through (default "+defaultDevice+")")
	s.Bool(&o.v6, '6', "ipv6", "take src_ip for an IPv6 address and send a neighbour advertisement")
	s.Bool(&o.router, 'r', "router", "say in the neighbour advertisement that the sender forwards packets")
	return s
}

func run(args []string) error {
	var o options
	rest, err := o.set().Parse(args)
	if err != nil {
		return err
	}
	if len(rest) != 4 {
		return message{errors.New("send_arp: sends out custom ARP packet. Usage: send_arp [-6r] [-i dev] " + synopsis)}
	}
	// target_ip was never looked at, and has no place in the frame.
	src, ok := parseMAC(rest[1])
	dst, fine := parseMAC(rest[3])
	if !ok || !fine {
		return message{errors.New("Invalid hardware address")} //nolint:staticcheck // the original's words
	}
	addr, err := lookup(rest[0], o.v6)
	if err != nil {
		return err
	}
	if err := arp.Send(o.dev, frame(dst, src, addr, o.router)); err != nil {
		return message{perror(err)}
	}
	return nil
}

// frame is what announces an address. An advertisement always goes to all nodes: that is what makes it unsolicited.
func frame(dst, src [6]byte, addr netip.Addr, router bool) []byte {
	if addr.Is6() {
		return arp.Advertisement(src, addr, router)
	}
	f := arp.Frame(dst, src, addr)
	return f[:]
}

// perror gives the kernel's errors the words of perror(3), which scripts may look for: Go's are the same but for the
// capital letter.
func perror(err error) error {
	var errno syscall.Errno
	if call, _, found := strings.Cut(err.Error(), ": "); found && errors.As(err, &errno) {
		text := errno.Error()
		return errors.New(call + ": " + strings.ToUpper(text[:1]) + text[1:])
	}
	return err
}
