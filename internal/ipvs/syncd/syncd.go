// Package syncd controls the kernel's connection-sync daemons: the one that tells the partner of connections (master)
// and the one that listens (backup). With them a connection survives a failover.
//
// Both may run at once. A sync daemon is of the kernel, not a process: it stays when the program that started it ends.
package syncd

import (
	"cmp"
	"net/netip"
)

// Role is what a daemon does, numbered as the kernel's IP_VS_STATE_*. The zero value is invalid.
type Role uint8

// The roles. The active director has the master, the other one the backup.
const (
	Master Role = 1
	Backup Role = 2
)

// String is the word of ipvsadm's --start-daemon.
func (r Role) String() string {
	switch r {
	case Master:
		return "master"
	case Backup:
		return "backup"
	}
	return "none"
}

// Daemon is one sync daemon. Where a field says so, zero leaves the choice to the kernel.
type Daemon struct {
	Role Role
	// Dev is the device whose link carries the messages (syncd_iface). For a master it must be up.
	Dev string
	// ID tells pairs on one link apart (syncd_id, of which only the low eight bits count). A backup with 0 takes every ID.
	ID uint8
	// MaxLen is the longest message in bytes, without the headers of UDP and IP; 0: what the device's MTU allows.
	MaxLen uint16
	// Group is the multicast group; the zero Addr: 224.0.0.81.
	Group netip.Addr
	// Port is the UDP port; 0: 8848.
	Port uint16
	// TTL is how many routers a message may cross, plus one; 0: 1, none.
	TTL uint8
}

// The kernel's choices, except for MaxLen, which is the device's.
const (
	defaultPort = 8848
	defaultTTL  = 1
)

// defaultGroup is the kernel's choice.
func defaultGroup() netip.Addr { return netip.AddrFrom4([4]byte{224, 0, 0, 81}) }

// meets tells whether a daemon that runs is as wanted.
func (d Daemon) meets(want Daemon) bool {
	if want.MaxLen == 0 {
		d.MaxLen = 0
	}
	return d.explicit() == want.explicit()
}

// explicit replaces zeros by the kernel's choices.
func (d Daemon) explicit() Daemon {
	if !d.Group.IsValid() {
		d.Group = defaultGroup()
	}
	d.Port = cmp.Or(d.Port, defaultPort)
	d.TTL = cmp.Or(d.TTL, defaultTTL)
	return d
}

// Change starts or stops a daemon. For a stop only the role counts.
type Change struct {
	Start  bool
	Daemon Daemon
}

// Diff returns the changes that make the daemons wanted out of those that run; none if they are the same. Of two wanted
// ones with the same role the first counts.
//
// Starts come before stops: when a director changes its role, for a moment both daemons run, and at no time none. What
// the other director tells meanwhile is heard, and nothing is told twice, for the kernel ignores its own messages. Only
// a daemon that is wanted otherwise is stopped first, because there can be but one of each role.
func Diff(have, want []Daemon) []Change {
	var changes []Change
	wanted := make(map[Role]bool, len(want))
	for _, w := range want {
		if wanted[w.Role] {
			continue
		}
		wanted[w.Role] = true
		h, runs := find(have, w.Role)
		if runs && h.meets(w) {
			continue
		}
		if runs {
			changes = append(changes, Change{Daemon: h})
		}
		changes = append(changes, Change{Start: true, Daemon: w})
	}
	for _, h := range have {
		if !wanted[h.Role] {
			changes = append(changes, Change{Daemon: h})
		}
	}
	return changes
}

// find returns the daemon with a role.
func find(list []Daemon, r Role) (Daemon, bool) {
	for _, d := range list {
		if d.Role == r {
			return d, true
		}
	}
	return Daemon{}, false
}
