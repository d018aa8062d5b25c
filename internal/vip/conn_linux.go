package vip

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// answerTime is how long the kernel may take to answer; a takeover is worthless after that.
	answerTime = 10 * time.Second
	// listTries bounds the dumps that a change of addresses interrupts.
	listTries = 8
)

// Conn is a connection to the kernel's address tables, in the network namespace of the thread that opened it. One may
// be used from several goroutines.
type Conn struct {
	handle *netlink.Handle
	names  *os.File // a socket, to ask for the number of a device: a takeover can do without all the rest rtnetlink tells of it
}

// Open connects.
func Open() (*Conn, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	if err := h.SetSocketTimeout(answerTime); err != nil {
		h.Close()
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.Close()
		return nil, os.NewSyscallError("socket", err)
	}
	return &Conn{handle: h, names: os.NewFile(uintptr(fd), "socket")}, nil
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.handle.Close()
	return c.names.Close()
}

// device returns a link of which no more than the number is known.
func (c *Conn) device(name string) (netlink.Link, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return c.handle.LinkByName(name) // an alternative name may be longer
	}
	raw, err := c.names.SyscallConn()
	if err != nil {
		return nil, err
	}
	if e := raw.Control(func(fd uintptr) { err = unix.IoctlIfreq(int(fd), unix.SIOCGIFINDEX, request) }); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: name, Index: int(request.Uint32())}}, nil
}

// List returns the addresses of all devices, of both families, in the kernel's order.
func (c *Conn) List() ([]Address, error) {
	entries, err := c.entries(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	names := make(map[int]string)
	list := make([]Address, 0, len(entries))
	for _, e := range entries {
		name, known := names[e.LinkIndex]
		if !known {
			link, err := c.handle.LinkByIndex(e.LinkIndex)
			switch {
			case gone(err): // and its addresses with it
			case err != nil:
				return nil, fmt.Errorf("name of link %d: %w", e.LinkIndex, err)
			default:
				name = link.Attrs().Name
			}
			names[e.LinkIndex] = name
		}
		if name != "" {
			list = append(list, address(e, name))
		}
	}
	return list, nil
}

// entries is AddrList, again while other changes interrupt it.
func (c *Conn) entries(link netlink.Link, family int) (list []netlink.Addr, err error) {
	for range listTries {
		list, err = c.handle.AddrList(link, family)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// address translates from the library's form.
func address(e netlink.Addr, dev string) Address {
	a := Address{Dev: dev, Label: e.Label}
	if e.IPNet != nil {
		a.Addr = addrOf(e.IP)
		a.Prefix, _ = e.Mask.Size()
	}
	a.Broadcast = addrOf(e.Broadcast)
	return a
}

// addrOf is the zero Addr for no address.
func addrOf(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// Add adds the address; that it is there already is fine.
//
// An IPv6 address can be used at once, without a second of duplicate address detection: the partner that had it a moment
// ago would be the duplicate. It counts as deprecated, which keeps it from becoming the source of the director's own
// connections, as an IPv4 address added to its network is never the source either: with direct routing a real server
// that has the address too would answer a check to itself.
func (c *Conn) Add(a Address) error {
	link, err := c.device(a.Dev)
	if err != nil {
		return fmt.Errorf("add %s to %s: %w", a.Addr, a.Dev, err)
	}
	entry := &netlink.Addr{
		IPNet: &net.IPNet{IP: a.Addr.AsSlice(), Mask: net.CIDRMask(a.Prefix, a.Addr.BitLen())},
		Label: a.Label,
	}
	if a.Addr.Is4() {
		entry.Broadcast = net.IPv4zero // none; nil would let the library choose one
		if a.Broadcast.IsValid() {
			entry.Broadcast = a.Broadcast.AsSlice()
		}
	} else {
		entry.Flags = unix.IFA_F_NODAD
		forever := uint32(math.MaxUint32) // a variable: where int has 32 bits, the library sends no lifetime at all
		entry.ValidLft, entry.PreferedLft = int(forever), 0
	}
	if err := c.handle.AddrAdd(link, entry); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add %s to %s: %w", a.Addr, a.Dev, err)
	}
	c.settle(a)
	return nil
}

// Remove removes the address, whatever its label; that it, or its device, is not there is fine.
//
// The kernel removes the other addresses of a network together with its first one, unless told otherwise. Those must
// survive, so the device's promote_secondaries is set; where that is not possible, they are added again.
func (c *Conn) Remove(a Address) error {
	link, err := c.device(a.Dev)
	if gone(err) {
		return nil
	}
	if err == nil {
		err = c.remove(link, a, a.Addr.Is6() || promote(a.Dev) == nil)
	}
	if err != nil && !gone(err) {
		return fmt.Errorf("remove %s from %s: %w", a.Addr, a.Dev, err)
	}
	return nil
}

// remove is Remove on a link; promoted tells whether the other addresses survive by themselves.
func (c *Conn) remove(link netlink.Link, a Address, promoted bool) error {
	if promoted {
		network := &net.IPNet{IP: a.Addr.AsSlice(), Mask: net.CIDRMask(a.Prefix, a.Addr.BitLen())}
		if err := c.handle.AddrDel(link, &netlink.Addr{IPNet: network}); !errors.Is(err, unix.EADDRNOTAVAIL) {
			return err
		}
	}
	// Either the others must be known, or there may be a point-to-point address, which also goes by its other end.
	before, err := c.entries(link, family(a.Addr))
	if err != nil {
		return err
	}
	var others []netlink.Addr
	for _, e := range before {
		if found := address(e, a.Dev); found.Addr != a.Addr || found.Prefix != a.Prefix {
			others = append(others, e)
			continue
		}
		if err := c.handle.AddrDel(link, &netlink.Addr{IPNet: e.IPNet, Peer: e.Peer}); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return err
		}
	}
	if promoted {
		return nil
	}
	return c.restore(link, others)
}

// restore adds those of the addresses that are no longer there.
func (c *Conn) restore(link netlink.Link, others []netlink.Addr) error {
	for _, e := range others {
		e.Flags &^= unix.IFA_F_SECONDARY | unix.IFA_F_PERMANENT // the kernel's to say
		if e.Broadcast == nil {
			e.Broadcast = net.IPv4zero
		}
		if err := c.handle.AddrAdd(link, &e); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add %s again: %w", e.IP, err)
		}
	}
	return nil
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// promote lets the other addresses of a network survive the first one's removal.
func promote(dev string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net/ipv4/conf", dev, "promote_secondaries"), []byte("1\n"), 0)
}

// gone tells whether there is no such device.
func gone(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing) || errors.Is(err, unix.ENODEV)
}

// MAC returns the device's Ethernet address.
func (c *Conn) MAC(dev string) ([6]byte, error) {
	link, err := c.handle.LinkByName(dev)
	if err != nil {
		return [6]byte{}, fmt.Errorf("address of %s: %w", dev, err)
	}
	mac := link.Attrs().HardwareAddr
	if len(mac) != 6 {
		return [6]byte{}, fmt.Errorf("address of %s: not an Ethernet device", dev)
	}
	return [6]byte(mac), nil
}
