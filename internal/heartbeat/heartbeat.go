// Package heartbeat is what two routers tell each other: the packets, who may have sent them, and the sockets they come
// and go through. doc/heartbeat.md describes the bytes and the reasons.
//
// Append and Decode are the packets, a Guard decides which of them count, a Conn has the sockets and a Guard. The first
// two are pure. Nothing here logs, and no election takes place here.
package heartbeat

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Kind is what the first four bytes say, all that an original router sends and reads. The zero value is invalid.
type Kind uint8

// The kinds, as the original has them.
const (
	LVSRunning Kind = iota + 1 // the sender is active
	LVSStopped                 // alive, not active
	FOSRunning
	FOSStopped
	FOSStopMe // the sender insists on taking over; with service = lvs only forged packets say so
	Hold      // never sent by the original: shows that the sender lives, no more
	Held      // as Hold
)

var kindNames = [...]string{"invalid", "LVS-RUNNING", "LVS-STOPPED", "FOS-RUNNING", "FOS-STOPPED", "FOS-STOPME", "HOLD", "HELD"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// Service is lvs.cf's service. The zero value is invalid.
type Service uint8

// The services.
const (
	LVS Service = iota + 1
	FOS
)

// takes tells whether a router of service s heeds packets of kind k. The original takes STOPME, HOLD and HELD in both.
func (s Service) takes(k Kind) bool {
	switch k {
	case LVSRunning, LVSStopped:
		return s == LVS
	case FOSRunning, FOSStopped:
		return s == FOS
	}
	return true
}

// Role is what lvs.cf makes of a router. The zero value is invalid.
type Role uint8

// The roles.
const (
	Primary Role = iota + 1
	Backup
)

// Channel is one of the two ways between the routers. The zero value is invalid.
type Channel uint8

// The channels.
const (
	Public  Channel = iota + 1
	Private         // exists only where primary_private differs from primary
)

func (c Channel) String() string {
	switch c {
	case Public:
		return "public"
	case Private:
		return "private"
	}
	return "invalid"
}

// Flags say more than the kind can. Bits without a name here are kept and mean nothing.
type Flags uint16

// The flags.
const (
	Leaving      Flags = 1 << iota // pulse ends; with STOPPED this is the farewell
	Unwilling                      // would not take over: standby, a fault, or it has just given way
	Standby                        // the operator's standby; Unwilling is set too
	Wanted                         // the sender asks to become active: the operator's switchover
	Activating                     // RUNNING, but addresses are not all up yet
	LinkFault                      // a watched link of the sender is lost
	ServiceFault                   // its lvsd is not running
)

// BootID is drawn anew at each start of pulse. The zero value stands for none.
type BootID [16]byte

// String is the id in hexadecimal.
func (id BootID) String() string { return hex.EncodeToString(id[:]) }

// Short is enough of the id to tell starts apart, not to prove anything.
func (id BootID) Short() uint64 { return binary.LittleEndian.Uint64(id[:]) }

// Packet is one heartbeat. The fields below Trailer have a meaning only where Trailer is true; an original router sends
// none of them. It is comparable.
type Packet struct {
	Kind    Kind
	Trailer bool
	Signed  bool // an authentication code came along; whether it is right, a Guard says

	Boot        BootID // of the sender
	Counter     uint64 // rises with every datagram of this Boot, 1 is the first
	EchoBoot    BootID // of the receiver, as last heard by the sender; zero if never
	EchoCounter uint64 // highest Counter heard from EchoBoot

	Role    Role          // of the sender
	Channel Channel       // it was sent on
	Flags   Flags         //
	Turn    uint32        // activations begun since Boot
	Held    time.Duration // time in the present state; whole seconds, at most 2^32-1 of them

	Serial     int64   // serial_no of lvs.cf
	Digest     [8]byte // beginning of the digest of lvs.cf
	Up         uint32  // real servers in service
	Configured uint32  // real servers that should be
}

// Active tells whether the sender says that it serves.
func (p Packet) Active() bool { return p.Kind == LVSRunning || p.Kind == FOSRunning }
