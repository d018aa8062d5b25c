package importer

import (
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// What the three sources say alike, because it is the kernel's.

// scheduler carries a scheduler over, or notes that lvs.cf does not know it.
func (v *virtual) scheduler(line int, name string) error {
	for _, k := range lvscf.Keys() {
		if k.Name == "scheduler" && slices.Contains(k.Choices, name) {
			v.put("scheduler", name)
			return nil
		}
	}
	if !isWord(name) {
		return at(line, "%s is no scheduler", quote(name))
	}
	v.unset("scheduler")
	v.notes.lost(line, "scheduler %s, because lvs.cf does not have it; the default, wlc, is used", bare(name))
	return nil
}

// schedulerFlags carries the flags of the schedulers sh and mh over, under all their names.
func (v *virtual) schedulerFlags(line int, flags []string) {
	hashing := v.get("scheduler") == "sh" || v.get("scheduler") == "mh"
	for _, flag := range flags {
		key := ""
		switch flag {
		case "":
			continue
		case "sh-fallback", "mh-fallback", "flag-1":
			key = "scheduler_fallback"
		case "sh-port", "mh-port", "flag-2":
			key = "scheduler_port"
		}
		switch {
		case key == "" || !hashing:
			v.notes.lost(line, "flag %s of the scheduler, because lvs.cf has flags for sh and mh only, for ports and fallback", bare(flag))
		case v.get(key) == "":
			v.put(key, "1")
		}
	}
}

func (v *virtual) onePacket(line int) error {
	if v.protocol != "udp" && v.mark == 0 {
		return at(line, "one-packet scheduling is for udp only")
	}
	v.put("one_packet", "1")
	return nil
}

// persistence reads a timeout in seconds, and a mask or a prefix length.
func (v *virtual) persistence(line int, timeout, mask string) error {
	n, err := number(line, "persistence", timeout, 0, math.MaxInt32)
	if err != nil || n == 0 {
		return err
	}
	v.put("persistent", strconv.FormatUint(n, 10))
	if mask == "" {
		return nil
	}
	prefix, err := prefixOf(line, mask, v.is6())
	if err != nil {
		return err
	}
	if prefix < map[bool]int{false: 32, true: 128}[v.is6()] {
		v.put("pmask", maskText(prefix, v.is6()))
	}
	return nil
}

// prefixOf reads a mask.
func prefixOf(line int, text string, ipv6 bool) (int, error) {
	most := 32
	if ipv6 {
		most = 128
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= most {
		return n, nil
	}
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Is4() && !ipv6 {
		b := addr.As4()
		m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		if n := bits.LeadingZeros32(^m); n > 0 && bits.OnesCount32(m) == n {
			return n, nil
		}
	}
	return 0, at(line, "%s is no mask", quote(text))
}

// weight reads a weight. The kernel takes larger ones than lvs.cf.
func (v *virtual) weight(line int, text string) (uint16, error) {
	n, err := number(line, "weight", text, 0, math.MaxInt32)
	if n > math.MaxUint16 {
		v.notes.lost(line, "weight %d, because lvs.cf has none above 65535, which it is now", n)
		n = math.MaxUint16
	}
	return uint16(n), err
}

// hostPort reads ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT; port is what it is without one.
func (f *file) hostPort(line int, text, protocol string, port uint16) (host, uint16, error) {
	name, number, has := text, "", false
	if rest, ok := strings.CutPrefix(text, "["); ok {
		name, number, ok = strings.Cut(rest, "]")
		if !ok || number != "" && number[0] != ':' {
			return host{}, 0, at(line, "%s is no address and port", quote(text))
		}
		has = number != ""
		number = strings.TrimPrefix(number, ":")
	} else if strings.Count(text, ":") == 1 {
		name, number, has = strings.Cut(text, ":")
	}
	h, err := f.host(line, name)
	if err == nil && has {
		port, err = f.port(line, number, protocol)
	}
	return h, port, err
}

// readTunnel reads a kind of tunnel.
func readTunnel(line int, kind, port string) (tunnel, error) {
	switch kind {
	case "ipip":
		return tunnel{}, nil
	case "gre":
		return tunnel{kind: kind}, nil
	case "gue":
		n, err := number(line, "port of the tunnel", port, 1, math.MaxUint16)
		return tunnel{kind: kind, port: uint16(n)}, err
	}
	return tunnel{}, at(line, "%s is no type of tunnel", quote(kind))
}

// deviceWord refuses what can be no device.
func deviceWord(line int, text string) error {
	if why := lvscf.DeviceProblem(text); why != "" {
		return at(line, "device %s: %s", quote(text), why)
	}
	return nil
}

// readMark reads a firewall mark. ipvsadm 1.31 writes those from 2147483648 on as negative numbers.
func readMark(line int, text string) (uint32, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n == 0 || n < math.MinInt32 || n > math.MaxUint32 {
		return 0, at(line, "firewall mark %s: a number from 1 to 4294967295 expected", quote(text))
	}
	return uint32(n), nil
}
