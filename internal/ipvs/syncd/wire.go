package syncd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Commands and attributes of the kernel's generic netlink family IPVS (include/uapi/linux/ip_vs.h).
const (
	cmdNewDaemon = 9
	cmdDelDaemon = 10
	cmdGetDaemon = 11

	attrDaemon = 3

	daemonState  = 1 // u32
	daemonDev    = 2 // string
	daemonID     = 3 // u32
	daemonMaxLen = 4 // u16
	daemonGroup  = 5 // 4 bytes
	daemonGroup6 = 6 // 16 bytes
	daemonPort   = 7 // u16, in host order
	daemonTTL    = 8 // u8
)

// payload is the kernel's form of a change.
func (c Change) payload() []byte {
	d, command := c.Daemon, byte(cmdNewDaemon)
	if !c.Start {
		d, command = Daemon{Role: d.Role}, cmdDelDaemon
	}
	nest := appendAttr(nil, daemonState, u32(uint32(d.Role)))
	if c.Start {
		nest = appendAttr(nest, daemonDev, append([]byte(d.Dev), 0))
		nest = appendAttr(nest, daemonID, u32(uint32(d.ID)))
	}
	if d.MaxLen != 0 {
		nest = appendAttr(nest, daemonMaxLen, u16(d.MaxLen))
	}
	switch {
	case d.Group.Is4():
		nest = appendAttr(nest, daemonGroup, d.Group.AsSlice())
	case d.Group.Is6():
		nest = appendAttr(nest, daemonGroup6, d.Group.AsSlice())
	}
	if d.Port != 0 {
		nest = appendAttr(nest, daemonPort, u16(d.Port))
	}
	if d.TTL != 0 {
		nest = appendAttr(nest, daemonTTL, []byte{d.TTL})
	}
	return appendAttr(header(command), attrDaemon|unix.NLA_F_NESTED, nest)
}

// header begins a payload: command, version, two unused bytes.
func header(command byte) []byte { return []byte{command, 1, 0, 0} }

// appendAttr writes an attribute and pads it to four bytes.
func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.NLA_HDRLEN+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

func u16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// errAnswer is an answer that no kernel gives.
var errAnswer = errors.New("netlink answer: not a sync daemon")

// decode reads one entry of the answer to cmdGetDaemon. Attributes it does not know are skipped; older kernels leave out
// those after the ID.
func decode(b []byte) (Daemon, error) {
	kind, b, _, ok := cutAttr(b)
	if !ok || kind != attrDaemon {
		return Daemon{}, errAnswer
	}
	var d Daemon
	for len(b) > 0 {
		var value []byte
		if kind, value, b, ok = cutAttr(b); !ok {
			return Daemon{}, errAnswer
		}
		d.set(kind, value)
	}
	if d.Role != Master && d.Role != Backup {
		return Daemon{}, errAnswer
	}
	return d, nil
}

// set takes one attribute; one of another length than expected is skipped.
func (d *Daemon) set(kind uint16, value []byte) {
	switch n := len(value); {
	case kind == daemonDev:
		name, _, _ := bytes.Cut(value, []byte{0})
		d.Dev = string(name)
	case kind == daemonState && n == 4:
		if v := binary.NativeEndian.Uint32(value); v <= uint32(Backup) {
			d.Role = Role(v)
		}
	case kind == daemonID && n == 4:
		d.ID = uint8(binary.NativeEndian.Uint32(value)) // the low eight bits are what goes over the wire
	case kind == daemonMaxLen && n == 2:
		d.MaxLen = binary.NativeEndian.Uint16(value)
	case kind == daemonPort && n == 2:
		d.Port = binary.NativeEndian.Uint16(value)
	case kind == daemonTTL && n == 1:
		d.TTL = value[0]
	case kind == daemonGroup && n == 4, kind == daemonGroup6 && n == 16:
		d.Group, _ = netip.AddrFromSlice(value)
	}
}

// cutAttr takes the first attribute off b.
func cutAttr(b []byte) (kind uint16, value, rest []byte, ok bool) {
	if len(b) < unix.NLA_HDRLEN {
		return 0, nil, nil, false
	}
	length := int(binary.NativeEndian.Uint16(b))
	if length < unix.NLA_HDRLEN || length > len(b) {
		return 0, nil, nil, false
	}
	kind = binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	return kind, b[unix.NLA_HDRLEN:length], b[min(len(b), (length+3)&^3):], true
}
