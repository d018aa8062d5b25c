package nanny

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/ipvs"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// defaultSend and defaultExpect are the check of a service on port 80 for which none is configured.
const (
	defaultSend   = "GET / HTTP/1.0\r\n\r\n"
	defaultExpect = "HTTP"
)

// complete checks what the options are together, in the original's order of complaints, and fills in what follows from
// them.
func (o *Options) complete() (err error) {
	if o.Pool {
		return o.outside()
	}
	if o.server == "" {
		return errors.New("No address supplied. Use '--help' for help.") //nolint:staticcheck // the original's words
	}
	if o.Server, err = address(o.server); err != nil {
		return err
	}
	if o.virtual != "" {
		if o.VirtualAddr, err = address(o.virtual); err != nil {
			return err
		}
	}
	if o.RealPort == 0 {
		o.RealPort = o.Port
	}
	if o.Reentry == 0 {
		o.Reentry = defaultReentry
	}
	if err := o.supported(); err != nil {
		return err
	}
	if err := o.settle(); err != nil {
		return err
	}
	o.texts()
	return o.outside()
}

// supported refuses what the original had and this program has not: better not to start than to watch nothing.
func (o *Options) supported() error {
	switch {
	case o.FOS:
		return errors.New("failover services are not supported")
	case !o.LVS:
		return errors.New("unknown service type")
	case o.Checked().Port() == 0 && o.Check != Ping:
		return errors.New("no port to check: give one with --rport")
	}
	return nil
}

// texts settles what is sent and expected. It is the port of the virtual service that calls for the default test, and
// neither the real port nor --udp matters.
func (o *Options) texts() {
	if o.Check == Auto && o.Port == defaultPort && !o.HasSend && !o.HasExpect && o.Program == "" {
		o.Send, o.HasSend = defaultSend, true
		o.Expect, o.HasExpect = defaultExpect, true
		o.DefaultTest = true
		return
	}
	if !o.Suppress {
		o.Send, o.Expect, o.CheckBody = probe.Unescape(o.Send), probe.Unescape(o.Expect), probe.Unescape(o.CheckBody)
	}
}

// outside checks what the results go to: the descriptor of lvsd, or a row of the kernel's table.
func (o *Options) outside() error {
	if o.ReportFD >= 0 {
		return reportable(o.ReportFD)
	}
	switch {
	case o.DryRun || o.ProbeOnce || o.job || o.Pool:
		return nil
	case o.Mark == 0 && !o.VirtualAddr.IsValid():
		return errors.New("no virtual service: give --virtaddress or --fwmark")
	case o.Mark == 0 && o.VirtualAddr.Is4() != o.Server.Is4() && o.Forward != ipvs.Tunnel:
		return errors.New("addresses of the virtual service and the real server are of different families")
	}
	return nil
}

// reportable checks a descriptor that should come from lvsd. The standard ones are closed in daemon mode.
func reportable(fd int) error {
	if fd < 3 {
		return errors.New("bad argument --report-fd: descriptor of 3 or more expected")
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE == unix.O_RDONLY {
		return errors.New("bad argument --report-fd: not open for writing")
	}
	return nil
}

func address(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, errors.New("bad IP address -- " + text)
	}
	return a.Unmap(), nil
}

// real is the real server as log messages name it.
func (o *Options) real() netip.AddrPort { return netip.AddrPortFrom(o.Server, o.RealPort) }

// service names the virtual service's row.
func (o *Options) service() ipvs.ServiceKey {
	if o.Mark != 0 {
		k := ipvs.ServiceKey{Mark: o.Mark, Family: family(o.Server)}
		if o.VirtualAddr.IsValid() {
			k.Family = family(o.VirtualAddr)
		}
		return k
	}
	k := ipvs.ServiceKey{Family: family(o.VirtualAddr), Protocol: ipvs.TCP, Addr: netip.AddrPortFrom(o.VirtualAddr, o.Port)}
	if o.UDP {
		k.Protocol = ipvs.UDP
	}
	return k
}

// destination is the real server's row. Only masquerading can change the port, so for the other methods ipvsadm wrote
// the service's own port, whatever it was told; with a firewall mark there is none to write.
func (o *Options) destination() ipvs.Destination {
	d := ipvs.Destination{Addr: o.real(), Forward: o.Forward, Weight: o.Weight}
	if o.Forward != ipvs.Masq && o.Mark == 0 {
		d.Addr = netip.AddrPortFrom(o.Server, o.Port)
	}
	return d
}

func family(a netip.Addr) ipvs.Family {
	if a.Is4() {
		return ipvs.IPv4
	}
	return ipvs.IPv6
}
