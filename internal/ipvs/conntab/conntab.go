// Package conntab reads the kernel's table of connections, /proc/net/ip_vs_conn.
package conntab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"
)

// Path is where the kernel shows the table of the network namespace, to root.
const Path = "/proc/net/ip_vs_conn"

// Conn is a connection. One without a port of the client is a template: from it a persistent service's next
// connections of the client get their real server.
type Conn struct {
	Protocol                string // TCP, UDP, SCTP; IP: a template of a firewall mark, which is then the address of Virtual
	Client, Virtual, Server netip.AddrPort
	State                   string // ESTABLISHED, FIN_WAIT, …, UDP; of templates NONE, ASSURED
	Expires                 time.Duration
	Template                bool
	// Engine is the module that looks into packets for what identifies a client, such as sip, and Data what that found.
	Engine, Data string
}

// Mark is the firewall mark in the place of a template's virtual address; 0: that is an address.
func (c *Conn) Mark() uint32 {
	if c.Protocol != "IP" || !c.Template {
		return 0
	}
	b := c.Virtual.Addr().AsSlice()
	if len(bytes.Trim(b[4:], "\x00")) > 0 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

var errFields = errors.New("less than 9 fields")

// Parse understands a line of the table, such as
//
//	TCP C6336402 D3F1 C6336450 0050 C0A80A01 0050 ESTABLISHED     897
func Parse(line []byte) (c Conn, err error) {
	var field [9][]byte
	rest := line
	for i := range field {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 {
			return c, errFields
		}
		field[i], rest, _ = bytes.Cut(rest, []byte(" "))
	}
	c.Protocol, c.State = string(field[0]), string(field[7])
	for i, to := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Server} {
		if *to, err = parseAddrPort(field[1+2*i], field[2+2*i]); err != nil {
			return Conn{}, err
		}
	}
	seconds, err := strconv.ParseUint(string(field[8]), 10, 32)
	if err != nil {
		return Conn{}, fmt.Errorf("expires: %w", err)
	}
	c.Expires = time.Duration(seconds) * time.Second
	// Of FTP the kernel expects data connections, whose port it does not know either.
	c.Template = c.Client.Port() == 0 && c.State != "LISTEN"
	engine, data, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	c.Engine, c.Data = string(engine), string(data)
	return c, nil
}

// parseAddrPort understands an address, 8 hexadecimal digits for IPv4, and a port of 4.
func parseAddrPort(addr, port []byte) (netip.AddrPort, error) {
	n, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port: %w", err)
	}
	if bytes.IndexByte(addr, ':') < 0 {
		var b [4]byte
		if len(addr) != 8 {
			return netip.AddrPort{}, fmt.Errorf("address %q: 8 digits expected", addr)
		}
		if _, err := hex.Decode(b[:], addr); err != nil {
			return netip.AddrPort{}, fmt.Errorf("address %q: %w", addr, err)
		}
		return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(n)), nil
	}
	a, err := netip.ParseAddr(string(addr))
	if err != nil {
		return netip.AddrPort{}, err
	}
	if !a.Is6() || a.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("address %q: IPv6 expected", addr)
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

// Read calls each with every connection of a table, in the kernel's order. It ends with the table, with ctx, whose error is
// returned then, or with a line that is not understood.
func Read(ctx context.Context, table io.Reader, each func(*Conn)) error {
	lines := bufio.NewScanner(table)
	if !lines.Scan() { // the names of the columns
		return lines.Err()
	}
	for number := 2; ctx.Err() == nil && lines.Scan(); number++ {
		c, err := Parse(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		each(&c)
	}
	return errors.Join(ctx.Err(), lines.Err())
}
