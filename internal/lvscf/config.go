package lvscf

import (
	"net/netip"
	"time"
)

// ServiceType selects which kind of block is in force.
type ServiceType uint8

// Service types: service = lvs | fos.
const (
	LVS ServiceType = iota + 1
	FOS
)

// Forward is the way packets reach the real servers.
type Forward uint8

// Forwarding methods: network = nat | tunnel | direct.
const (
	Masq Forward = iota + 1
	Tunnel
	Direct
)

// Protocol of a virtual server.
type Protocol uint8

// Protocols: protocol = tcp | udp | sctp.
const (
	TCP Protocol = iota + 1
	UDP
	SCTP
)

// Encapsulation is how packets are packed for a tunnel.
type Encapsulation uint8

// Encapsulations: tunnel_type = ipip | gue | gre.
const (
	IPIP Encapsulation = iota + 1
	GUE
	GRE
)

// Standby is what the inactive director keeps running.
type Standby uint8

// Standby modes: warm probes the real servers all the time, cold starts lvsd only when active, as the original did.
const (
	Warm Standby = iota + 1
	Cold
)

// Auth is how heartbeats are authenticated.
type Auth uint8

// Stages of authentication: heartbeat_auth = off | permissive | enforce.
const (
	AuthOff        Auth = iota + 1 // nothing is signed or checked
	AuthPermissive                 // signed; what is not signed counts too
	AuthEnforce                    // what is not signed does not count
)

// NannyMode is how the monitors of real servers are spread over processes.
type NannyMode uint8

// Modes: nanny_mode = process | pooled.
const (
	NannyProcess NannyMode = iota + 1 // one for each real server of each virtual server
	NannyPooled                       // one for all
)

// Check is the kind of a health check. The zero value is the original's way: by send, expect, send_program and protocol.
type Check uint8

// Kinds: check = tcp | http | https | tls | smtp | dns | ping | script | none.
const (
	CheckTCP Check = iota + 1
	CheckHTTP
	CheckHTTPS
	CheckTLS
	CheckSMTP
	CheckDNS
	CheckPing
	CheckScript
	CheckNone // the real server counts as up
)

// String returns the word lvs.cf uses.
func (c Check) String() string { return word(checkWords, int(c)) }

// String returns the word lvs.cf uses.
func (m NannyMode) String() string { return word(nannyModeWords, int(m)) }

// String returns the word lvs.cf uses.
func (s ServiceType) String() string { return word(serviceWords, int(s)) }

// String returns the word lvs.cf uses.
func (f Forward) String() string { return word(networkWords, int(f)) }

// String returns the word lvs.cf uses.
func (p Protocol) String() string      { return word(protocolWords, int(p)) }
func (e Encapsulation) String() string { return word(tunnelWords, int(e)) }

// String returns the word lvs.cf uses.
func (a Auth) String() string { return word(authWords, int(a)) }

// String returns the word lvs.cf uses.
func (s Standby) String() string { return word(standbyWords, int(s)) }

// The words of the enumerations, in the order of their constants.
var (
	serviceWords  = []string{"lvs", "fos"}
	networkWords  = []string{"nat", "tunnel", "direct"}
	protocolWords = []string{"tcp", "udp", "sctp"}
	tunnelWords   = []string{"ipip", "gue", "gre"}
	standbyWords  = []string{"warm", "cold"}
	authWords     = []string{"off", "permissive", "enforce"}

	nannyModeWords = []string{"process", "pooled"}
	checkWords     = []string{"tcp", "http", "https", "tls", "smtp", "dns", "ping", "script", "none"}
)

func word(words []string, n int) string {
	if n < 1 || n > len(words) {
		return "invalid"
	}
	return words[n-1]
}

// Config is what a file means, every default filled in. An address that is not set, or is 0.0.0.0, is the zero
// netip.Addr: ask IsValid.
type Config struct {
	SerialNo                  int64
	Service                   ServiceType
	Primary, Backup           Director
	BackupActive              bool   // false without a backup address
	ReservationConflictAction string // nothing, preempt or ""
	Heartbeat                 bool
	HeartbeatPort             uint16
	HeartbeatAuth             Auth
	HeartbeatKey              string        // path of the key file
	Keepalive, Deadtime       time.Duration // at least 10 ms; deadtime is the longer one
	RshCommand                string
	NannyMode                 NannyMode
	DebugLevel                string // unused
	Ipvsadm                   string // unused
	Network                   Forward
	NATRouter                 VIP
	NATPrefix                 int // prefix length of nat_nmask, 0 for none
	ActiveCmd, InactiveCmd    string
	MonitorLinks              bool
	HardShutdown              bool
	SyncDaemon                bool
	SyncdIface                string
	SyncdID                   int           // 0 to 255
	TCPTimeout                time.Duration // whole seconds; 0 leaves the kernel's value
	TCPFinTimeout             time.Duration // likewise
	UDPTimeout                time.Duration // likewise
	Sync                      bool          // unused
	Standby                   Standby
	Virtual                   []VirtualServer   // in the order of the file
	Failover                  []FailoverService // in the order of the file
}

// Director is one of the two routers. Without a private address of its own it has the public one there too.
type Director struct {
	Name        string // as typed
	Addr        netip.Addr
	PrivateName string // as typed
	Private     netip.Addr
	Shared      string // device for disk reservations, unused
}

// VIP is a floating address.
type VIP struct {
	Addr  netip.Addr
	Dev   string // eth0
	Label string // eth0:1, as typed; equal to Dev without a colon
}

// VirtualServer is one virtual block.
type VirtualServer struct {
	Name          string
	Line          int  // where the block begins
	Enabled       bool // active = 1
	VIP           VIP
	Prefix        int        // prefix length of vip_nmask, 0 for none
	SorryServer   netip.Addr // invalid for none
	Mark          uint32     // firewall mark, 0 for none
	Protocol      Protocol
	Port          uint16 // 0 only with a Mark
	Scheduler     string
	Persistent    time.Duration // whole seconds, 0 for off
	PersistPrefix int           // prefix length of pmask, 0 for none: every client by itself
	ClientMonitor string
	Send          string // quotes removed, backslashes kept
	SendProgram   string // likewise
	Expect        string // likewise
	HasSend       bool   // the key is there, be it empty
	HasExpect     bool   // likewise
	UseRegex      bool
	Check         Check        // 0: as the original decides
	CheckPath     string       // begins with /
	CheckHost     string       // "" for none
	CheckStatus   StatusRanges // never empty
	CheckBody     string       // quotes removed, backslashes kept; "" for none
	CheckVerify   bool
	CheckPort     uint16        // 0: each real server's own
	CheckSource   netip.Addr    // invalid: as the kernel chooses
	CheckShared   bool          // for NannyPooled
	Timeout       time.Duration // above 0
	Reentry       time.Duration // above 0
	Rise          int           // 1 to 1000; 0: by Reentry and Timeout
	Fall          int           // 1 to 1000
	LoadMonitor   string        // "" for none
	Quiesce       bool
	HashPort      bool          // schedulers sh and mh look at the client's port too
	HashFallback  bool          // schedulers sh and mh take another real server when theirs takes no connections
	SlowStart     time.Duration // how long a real server that comes back takes to have its whole weight; 0: none
	OnePacket     bool          // each datagram is scheduled by itself
	Tunnel        TunnelOptions // how packets are packed, for those servers that are reached so
	Servers       []RealServer  // in the order of the file
}

// TunnelOptions say how packets reach real servers behind a tunnel.
type TunnelOptions struct {
	Encapsulation Encapsulation
	Port          uint16 // of GUE; 0 for the others
	Checksum      bool   // of GUE and GRE
}

// RealServer is one server block.
type RealServer struct {
	Name    string
	Line    int // where the block begins
	Addr    netip.Addr
	Enabled bool   // active = 1
	Weight  int    // 0 to 65535
	Port    uint16 // 0 only if the virtual server has a Mark

	Forward   Forward    // 0: Config.Network
	Upper     uint32     // connections above which it gets no new ones; 0 for no limit
	Lower     uint32     // connections below which it gets new ones again; 0: three quarters of Upper
	CheckAddr netip.Addr // invalid: Addr
	CheckPort uint16     // 0: that of the virtual server
}

// ForwardTo is how packets reach a real server.
func (c *Config) ForwardTo(rs *RealServer) Forward {
	if rs.Forward != 0 {
		return rs.Forward
	}
	return c.Network
}

// CheckedAt is where the checks of a real server of vs go to.
func (vs *VirtualServer) CheckedAt(rs *RealServer) netip.AddrPort {
	addr, port := rs.Addr, rs.Port
	if rs.CheckAddr.IsValid() {
		addr = rs.CheckAddr
	}
	switch {
	case rs.CheckPort != 0:
		port = rs.CheckPort
	case vs.CheckPort != 0:
		port = vs.CheckPort
	}
	return netip.AddrPortFrom(addr, port)
}

// FailoverService is one failover block. It takes the keys of a virtual block and a few of its own.
type FailoverService struct {
	VirtualServer
	StartCmd, StopCmd string     // quotes removed
	Master            netip.Addr // unused
	Dirs              []string   // unused
}
