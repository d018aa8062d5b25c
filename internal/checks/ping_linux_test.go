package checks

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// TestPing pings what is always there, if this process may.
func TestPing(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		t.Run(addr, func(t *testing.T) {
			a := netip.MustParseAddr(addr)
			r := attemptAt(t, Spec{Kind: Ping, Addr: netip.AddrPortFrom(a, 0)})
			if strings.HasPrefix(r.Reason(), "cannot check: ping needs") || strings.HasPrefix(r.Reason(), "cannot assign") {
				t.Skip(r.Reason())
			}
			judge(t, r, "")
			judge(t, attemptAt(t, Spec{Kind: Ping, Addr: netip.AddrPortFrom(a, 0), Source: a}), "")
		})
	}
	r := attemptAt(t, Spec{Kind: Ping, Addr: netip.MustParseAddrPort("127.0.0.1:0"), Source: netip.MustParseAddr("192.0.2.77")})
	if !strings.HasPrefix(r.Reason(), "cannot check: ping needs") {
		judge(t, r, "cannot check: cannot assign requested address")
	}
}

func TestEchoReplies(t *testing.T) {
	request := func(e echo) *echo {
		e.request()
		return &e
	}
	with := func(p []byte, at int, b byte) []byte {
		p = append([]byte(nil), p...)
		p[at] = b
		return p
	}
	datagram, raw4, raw6 := request(echo{}), request(echo{raw: true}), request(echo{raw: true, v6: true})
	header, _ := hex.DecodeString("4600002c00000000400100007f0000017f00000100000000") // 24 bytes: with an option
	tests := []struct {
		name   string
		echo   *echo
		packet []byte
		want   bool
	}{
		{"reply", datagram, with(datagram.sent, 0, 0), true},
		{"reply with the id of the kernel", datagram, with(with(datagram.sent, 0, 0), 4, datagram.sent[4]+1), true},
		{"request", datagram, datagram.sent, false},
		{"another sequence", datagram, with(with(datagram.sent, 0, 0), 7, 9), false},
		{"another payload", datagram, with(with(datagram.sent, 0, 0), 20, datagram.sent[20]+1), false},
		{"cut", datagram, with(datagram.sent, 0, 0)[:23], false},
		{"nothing", datagram, nil, false},
		{"raw", raw4, append(header[:24:24], with(raw4.sent, 0, 0)...), true},
		{"raw with another id", raw4, append(header[:24:24], with(with(raw4.sent, 0, 0), 4, raw4.sent[4]+1)...), false},
		{"raw without header", raw4, with(raw4.sent, 0, 0), false},
		{"raw, cut in the header", raw4, header[:20], false},
		{"raw, nothing", raw4, nil, false},
		{"version 6", raw6, with(raw6.sent, 0, 129), true},
		{"version 6, request", raw6, raw6.sent, false},
		{"version 6 with another id", raw6, with(with(raw6.sent, 0, 129), 5, raw6.sent[5]+1), false},
	}
	for _, tt := range tests {
		if got := tt.echo.answeredBy(tt.packet); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestChecksum(t *testing.T) {
	// The example of RFC 1071, section 3: the sum is ddf2.
	if got := checksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != ^uint16(0xddf2) {
		t.Errorf("%04x, want %04x", got, ^uint16(0xddf2))
	}
}

// TestPingAlone pings in a network namespace of its own, with the sockets this process would get without privileges.
func TestPingAlone(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Log("no namespace: ", err)
			return
		}
		ping := func(addr string) probe.Result {
			return attemptAt(t, Spec{Kind: Ping, Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 0)})
		}
		judge(t, ping("192.0.2.1"), "network is unreachable")
		judge(t, ping("2001:db8::1"), "cannot check: cannot assign requested address")
		if err := errors.Join(loopbackUp(), os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0)); err != nil {
			t.Error(err)
			return
		}
		a := &attempt{Check: mustNew(t, Spec{Kind: Ping, Addr: netip.MustParseAddrPort("127.0.0.1:0")}), ctx: t.Context()}
		if err := a.openPing(); err != nil || a.echo.raw {
			t.Errorf("%v, raw %v, want a socket without privileges", err, a.echo.raw)
		}
		a.part(false)
		judge(t, ping("127.0.0.1"), "")
		judge(t, ping("::1"), "")
	}()
	<-done
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}
