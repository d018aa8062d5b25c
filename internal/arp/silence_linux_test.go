package arp

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A router that has stepped down must not announce once more: the partner's neighbours would come back to it. The end
// comes at any moment here, also in the middle of a round; a socket at the other end of a cable is the judge.
func TestSilence(t *testing.T) {
	near, far := cable(t)
	arrive := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ARP))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: arrive, Ifindex: far.Attrs().Index}))
	count := func() (n int) {
		for b := make([]byte, 100); ; n++ {
			if _, _, err := unix.Recvfrom(fd, b, 0); errors.Is(err, unix.EAGAIN) {
				return n
			}
			must(t, err)
		}
	}
	targets := make([]Target, 20)
	for i := range targets {
		targets[i] = Target{Addr: ip("192.0.2.1"), Dev: near.Attrs().Name}
	}
	sent := 0
	send := func(dev string, frame []byte) error { sent++; return Send(dev, frame) }
	announcer := Announcer{MAC: func(string) ([6]byte, error) { return testMAC, nil }, Send: send}
	ends := 0
	for i := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*25)*time.Microsecond)
		sent = 0
		announcer.Announce(ctx, targets, Options{
			Refresh: time.Second, Failed: func(_ Target, err error) { t.Error(err) },
		})
		cancel()
		// What was sent before the end arrives, perhaps a moment later; then nothing does.
		received := count()
		for deadline := time.Now().Add(10 * time.Second); received < sent && time.Now().Before(deadline); received += count() {
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(2 * time.Millisecond)
		if received += count(); received != sent {
			t.Fatalf("%d frames arrived, %d were sent before the end", received, sent)
		}
		if sent > 0 && sent < len(targets) {
			ends++
		}
	}
	t.Logf("%d of 40 rounds were cut short", ends)
}
