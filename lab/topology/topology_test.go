package topology

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/guest"
)

// build returns a topology that is removed after the test, or skips the test.
func build(t *testing.T, o Options) *Net {
	t.Helper()
	if err := guest.Inside(); err != nil {
		t.Skip(err)
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// exchange sends a word from one node to another and back.
func exchange(from, to *Node, addr string) error {
	listener, err := to.Listen("tcp", net.JoinHostPort(addr, "7"))
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn)
	}()
	conn, err := from.Dial("tcp", listener.Addr().String(), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "word"); err != nil {
		return err
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "word" {
		return fmt.Errorf("got %q back: %w", got, err)
	}
	return nil
}

func TestNeighboursReachEachOther(t *testing.T) {
	n := build(t, Options{})
	public, public6 := map[string]string{"client": ClientAddr}, map[string]string{"client": ClientAddr6}
	private, private6 := map[string]string{}, map[string]string{}
	for i := 1; i <= 2; i++ {
		name := n.Router(i).Name
		public[name], private[name] = RouterAddr(i)
		public6[name], private6[name] = RouterAddr6(i)
	}
	for i := 1; i <= 3; i++ {
		private[n.Real(i).Name], private6[n.Real(i).Name] = RealAddr(i), RealAddr6(i)
	}
	for _, segment := range []map[string]string{public, public6, private, private6} {
		for from := range segment {
			for to, addr := range segment {
				if err := exchange(n.Node(from), n.Node(to), addr); err != nil {
					t.Errorf("%s to %s (%s): %v", from, to, addr, err)
				}
			}
		}
	}
}

func TestCutAndHeal(t *testing.T) {
	n := build(t, Options{})
	router, real1 := n.Router(1), n.Real(1)
	reach := func() error { return exchange(router, real1, RealAddr(1)) }
	if err := reach(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name        string
		break_, fix func(...string) error
	}{{"Cut", real1.Cut, real1.Heal}, {"Unplug", real1.Unplug, real1.Plug}} {
		if err := tt.break_(); err != nil {
			t.Fatal(err)
		}
		conn, err := router.Dial("tcp", RealAddr(1)+":7", 300*time.Millisecond)
		if err == nil {
			conn.Close()
			t.Errorf("after %s the real server is still reached", tt.name)
		}
		if err := tt.fix(); err != nil {
			t.Fatal(err)
		}
		if err := reach(); err != nil {
			t.Errorf("after undoing %s: %v", tt.name, err)
		}
	}
}

func TestLinkUpRestoresRoutes(t *testing.T) {
	n := build(t, Options{})
	ctx := context.Background()
	before, err := n.Real(1).Exec(ctx, "ip", "route")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(before, "default via "+NATRouter) {
		t.Errorf("routes = %q, want a default route via %s", before, NATRouter)
	}
	if err := n.Real(1).LinkDown("eth0"); err != nil {
		t.Fatal(err)
	}
	if err := n.Real(1).LinkUp("eth0"); err != nil {
		t.Fatal(err)
	}
	after, err := n.Real(1).Exec(ctx, "ip", "route")
	if err != nil || after != before {
		t.Errorf("routes after down and up = %q, %v, want %q", after, err, before)
	}
}

func TestMovedAddressIsFoundAfterAnnounce(t *testing.T) {
	n := build(t, Options{})
	for i := 1; i <= 2; i++ {
		router := n.Router(i)
		if err := router.AddAddr(VIP+"/24", "eth0", "eth0:1"); err != nil {
			t.Fatal(err)
		}
		if err := router.Announce(VIP, "eth0"); err != nil {
			t.Fatal(err)
		}
		if err := exchange(n.Client(), router, VIP); err != nil {
			t.Errorf("client to VIP on %s: %v", router.Name, err)
		}
		if err := router.DelAddr(VIP+"/24", "eth0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Router(1).AddAddr(VIP+"/24", "eth0", ""); err != nil {
		t.Fatal(err)
	}
	if err := n.FlushNeighbours(); err != nil {
		t.Fatal(err)
	}
	if err := exchange(n.Client(), n.Router(1), VIP); err != nil {
		t.Errorf("client to VIP after FlushNeighbours: %v", err)
	}
}

func TestSetUpsOfRealServers(t *testing.T) {
	for _, tt := range []struct {
		forward Forward
		dev     string
		want    string
	}{{Direct, "lo", VIP + "/32"}, {Tunnel, "tunl0", VIP + "/32"}, {Direct, "eth1", "192.0.2.11/24"}, {Tunnel, "ip6tnl0", VIP6 + "/128"}} {
		n := build(t, Options{Forward: tt.forward, Reals: 1})
		got, err := n.Real(1).Addrs(tt.dev)
		if err != nil || !strings.Contains(strings.Join(got, " "), tt.want) {
			t.Errorf("forward %d: addresses of %s = %v, %v, want %s", tt.forward, tt.dev, got, err, tt.want)
		}
	}
}

func TestDoLeavesNoTrace(t *testing.T) {
	n := build(t, Options{Reals: 1})
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := n.Client().Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		got, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net")
		if err == nil && got != home {
			t.Errorf("thread %s stayed in %s, want %s", task.Name(), got, home)
		}
	}
	out, err := n.Client().Exec(context.Background(), "readlink", "/proc/self/ns/net")
	if err != nil || strings.TrimSpace(out) == home {
		t.Errorf("namespace of a command = %q, %v, want another than %s", out, err, home)
	}
}

func TestCloseFreesNamespaces(t *testing.T) {
	n := build(t, Options{Reals: 1})
	inode := func(f *os.File) uint64 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	gone := map[uint64]bool{}
	for _, node := range n.Nodes() {
		gone[inode(node.ns)] = true
	}
	n.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		target, err := os.Stat("/proc/self/fd/" + fd.Name())
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && gone[target.Sys().(*syscall.Stat_t).Ino] {
			t.Errorf("descriptor %s still holds a namespace", fd.Name())
		}
	}
}
