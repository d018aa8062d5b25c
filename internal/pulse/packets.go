package pulse

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// flagPairs translates the flags of the election and of the wire, which have their own numbers.
var flagPairs = [...]struct {
	election election.Flags
	wire     heartbeat.Flags
}{
	{election.Leaving, heartbeat.Leaving},
	{election.Unwilling, heartbeat.Unwilling},
	{election.InStandby, heartbeat.Standby},
	{election.Wanted, heartbeat.Wanted},
}

// packet translates what came over the wire for the election.
func packet(m heartbeat.Message) election.Packet {
	if !m.Decides { // shows that the partner lives, and no more
		return election.Packet{Kind: election.Hold, Channel: channel(m.Channel)}
	}
	p := election.Packet{
		Kind: kind(m.Packet.Kind), Channel: channel(m.Channel), Trailer: m.Packet.Trailer,
		Boot: m.Packet.Boot.Short(), Counter: m.Order, Turn: m.Packet.Turn,
	}
	switch m.Packet.Role {
	case heartbeat.Primary:
		p.Role = election.Primary
	case heartbeat.Backup:
		p.Role = election.Backup
	}
	for _, f := range flagPairs {
		if m.Packet.Flags&f.wire != 0 {
			p.Flags |= f.election
		}
	}
	return p
}

func kind(k heartbeat.Kind) election.Kind {
	switch k {
	case heartbeat.LVSRunning:
		return election.Running
	case heartbeat.LVSStopped:
		return election.Stopped
	case heartbeat.FOSStopMe:
		return election.StopMe
	}
	return election.Hold
}

func channel(c heartbeat.Channel) election.Channel {
	if c == heartbeat.Private {
		return election.Private
	}
	return election.Public
}

// outgoing is the packet for a Send of the election.
func outgoing(s election.Send, cfg *lvscf.Config, digest [32]byte, held time.Duration, real Servers) heartbeat.Packet {
	p := heartbeat.Packet{
		Trailer: true, Turn: s.Turn, Held: held.Truncate(time.Second), Serial: cfg.SerialNo, Digest: [8]byte(digest[:8]),
		Kind: heartbeat.LVSStopped, Up: real.Up, Configured: real.Configured,
	}
	if s.Kind == election.Running {
		p.Kind = heartbeat.LVSRunning
	}
	for _, f := range flagPairs {
		if s.Flags&f.election != 0 {
			p.Flags |= f.wire
		}
	}
	return p
}

// stages translates heartbeat_auth.
var stages = map[lvscf.Auth]heartbeat.Stage{
	lvscf.AuthOff: heartbeat.Off, lvscf.AuthPermissive: heartbeat.Permissive, lvscf.AuthEnforce: heartbeat.Enforce,
}

// readKey reads the key that lvs.cf asks for; nil without authentication.
func readKey(cfg *lvscf.Config) (*heartbeat.Key, error) {
	if cfg.HeartbeatAuth == lvscf.AuthOff {
		return nil, nil
	}
	key, err := heartbeat.ReadKey(cfg.HeartbeatKey)
	if err != nil {
		return nil, fmt.Errorf("heartbeat_auth = %s: %w", cfg.HeartbeatAuth, err)
	}
	return key, nil
}

// heartbeatConfig is what the sockets need to know of lvs.cf.
func heartbeatConfig(cfg *lvscf.Config, role election.Role, key *heartbeat.Key, debug bool) heartbeat.Config {
	own, partner, wire := cfg.Primary, cfg.Backup, heartbeat.Primary
	if role == election.Backup {
		own, partner, wire = partner, own, heartbeat.Backup
	}
	c := heartbeat.Config{
		Port:   cfg.HeartbeatPort,
		Public: heartbeat.Path{Local: own.Addr, Partner: partner.Addr},
		Rules: heartbeat.Rules{
			Service: heartbeat.LVS, Role: wire, Stage: stages[cfg.HeartbeatAuth], Key: key, Hold: cfg.Deadtime / 2, Grace: 2 * cfg.Deadtime,
		},
		Anybody: debug,
	}
	private := func(d lvscf.Director) bool { return d.Private != (netip.Addr{}) && d.Private != d.Addr }
	if private(own) && private(partner) {
		c.Private = heartbeat.Path{Local: own.Private, Partner: partner.Private}
	}
	return c
}
