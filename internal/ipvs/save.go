package ipvs

import (
	"net/netip"
	"strconv"
	"time"
)

// Lines writes the table as `ipvsadm -S -n` does, a line a row. Like ipvsadm 1.31 it leaves out thresholds, and writes
// a firewall mark as a signed number.
func (t Table) Lines() []string {
	var lines []string
	for _, e := range t {
		lines = append(lines, "-A "+e.Service.String())
		for _, d := range e.Destinations {
			lines = append(lines, "-a "+e.Service.Key.String()+" "+d.saved())
		}
	}
	return lines
}

// String names the service as ipvsadm does: "-t 192.0.2.1:80", "-u [2001:db8::1]:53", "-f 21", "-f 21 -6".
func (k ServiceKey) String() string {
	if k.Mark != 0 {
		s := "-f " + strconv.Itoa(int(int32(k.Mark)))
		if k.Family == IPv6 {
			s += " -6"
		}
		return s
	}
	switch k.Protocol {
	case TCP:
		return "-t " + k.Addr.String()
	case UDP:
		return "-u " + k.Addr.String()
	case SCTP:
		return "--sctp-service " + k.Addr.String()
	}
	return "protocol " + strconv.Itoa(int(k.Protocol)) + " " + k.Addr.String()
}

// String writes the row with ipvsadm's options: "-t 192.0.2.1:80 -s rr -p 300 -M 255.255.255.0".
func (s Service) String() string {
	line := s.Key.String() + " -s " + s.Scheduler
	if s.Persistent > 0 {
		line += " -p " + strconv.FormatInt(int64(s.Persistent/time.Second), 10)
		if m := s.mask(); m != "" {
			line += " -M " + m
		}
	}
	if s.Flags&OnePacket != 0 {
		line += " -o"
	}
	if b := s.schedulerFlags(); b != "" {
		line += " -b " + b
	}
	return line
}

// mask is the persistence netmask as ipvsadm takes it, empty when each client counts for itself.
func (s Service) mask() string {
	if s.Key.Family == IPv6 {
		if s.Prefix == 128 {
			return ""
		}
		return strconv.Itoa(s.Prefix)
	}
	if s.Prefix == 32 {
		return ""
	}
	ones := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	masked, err := ones.Prefix(s.Prefix)
	if err != nil { // a mask with gaps, set by somebody else
		return ""
	}
	return masked.Addr().String()
}

func (s Service) schedulerFlags() string {
	names := [...]string{"flag-1", "flag-2", "flag-3"}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		names[0], names[1] = s.Scheduler+"-fallback", s.Scheduler+"-port"
	}
	list := ""
	for i, bit := range [...]Flags{Sched1, Sched2, Sched3} {
		if s.Flags&bit == 0 {
			continue
		}
		if list != "" {
			list += ","
		}
		list += names[i]
	}
	return list
}

// saved writes the row as `ipvsadm -S -n` does: "-r 10.0.0.1:80 -m -w 1".
func (d Destination) saved() string {
	method, tunnel := "", ""
	switch d.Forward {
	case Masq:
		method = " -m"
	case Tunnel:
		method, tunnel = " -i", " "+d.Tunnel.String()
	case Direct, Local:
		method = " -g"
	case Bypass: // the kernel's own, for traffic it sends past the table
	}
	return "-r " + d.Addr.String() + method + " -w " + strconv.Itoa(d.Weight) + tunnel
}

// String writes the options as ipvsadm does: "--tun-type gue --tun-port 6080 --tun-nocsum".
func (t TunnelOptions) String() string {
	line := "--tun-type " + [...]string{"ipip", "gue", "gre"}[min(t.Encapsulation, GRE)]
	if t.Encapsulation == GUE {
		line += " --tun-port " + strconv.Itoa(int(t.Port))
	}
	switch {
	case t.Encapsulation == IPIP:
	case t.Checksum:
		line += " --tun-csum"
	default:
		line += " --tun-nocsum"
	}
	return line
}

// String writes the row with all of ipvsadm's options: "-r 10.0.0.1:80 -m -w 1 -x 100 -y 80".
func (d Destination) String() string {
	line := d.saved()
	if d.Upper > 0 {
		line += " -x " + strconv.FormatUint(uint64(d.Upper), 10)
	}
	if d.Lower > 0 {
		line += " -y " + strconv.FormatUint(uint64(d.Lower), 10)
	}
	return line
}

// String writes the change as the ipvsadm command that would make it, without the program's name.
func (o Op) String() string {
	switch o.Kind {
	case AddService:
		return "-A " + o.Service.String()
	case SetService:
		return "-E " + o.Service.String()
	case RemoveService:
		return "-D " + o.Service.Key.String()
	case AddDestination:
		return "-a " + o.Service.Key.String() + " " + o.Destination.String()
	case SetDestination:
		return "-e " + o.Service.Key.String() + " " + o.Destination.String()
	case RemoveDestination:
		return "-d " + o.Service.Key.String() + " -r " + o.Destination.Addr.String()
	}
	return "invalid change"
}
