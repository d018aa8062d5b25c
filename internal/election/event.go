package election

import "time"

// Event is something that happened: one of the types below.
type Event interface{ event() }

// Kind is what a heartbeat says. The zero value is invalid.
type Kind uint8

// The kinds of heartbeat. Original routers in lvs mode never send the last three.
const (
	Running Kind = iota + 1
	Stopped
	StopMe
	Hold
	Held
)

var kindNames = [...]string{"none", "RUNNING", "STOPPED", "STOPME", "HOLD", "HELD"}

func (k Kind) String() string { return kindNames[k] }

// Channel is one of the two ways between the routers.
type Channel uint8

// The channels.
const (
	Public Channel = iota
	Private
)

// Flags travel in the trailer.
type Flags uint8

// The flags.
const (
	Leaving   Flags = 1 << iota // pulse ends; with STOPPED: this is the farewell
	Unwilling                   // would not take over: standby, a failure, or it has just given way
	InStandby                   // the operator's standby, which is also Unwilling
	Wanted                      // the sender asks to become active: the operator's switchover
)

// Start is the first event.
type Start struct{}

// Packet is a heartbeat of the partner that passed the checks of address, format and key.
type Packet struct {
	Kind    Kind
	Channel Channel
	Trailer bool // the fields below are known: the partner is not an original router
	Boot    uint64
	// Counter grows from each packet of one Boot to the next; copies of one packet on the two channels may share it.
	Counter uint64
	Flags   Flags
	Role    Role
	Turn    uint32 // how many activations the sender has begun since it started
}

// Timer says that the time of the last Arm has come.
type Timer struct{}

// Drained answers Drain: every packet that had been waiting in the sockets was passed to Step before this.
type Drained struct{}

// Link is a change of a link that carries a channel. Links count as up until told otherwise.
type Link struct {
	Channel Channel
	Up      bool
}

// LvsdDied says that lvsd ended, or that starting it again failed.
type LvsdDied struct{}

// LvsdUp says that lvsd runs again. Where lvsd runs only while active, it answers RestartLvsd at once.
type LvsdUp struct{}

// Activated says that everything Activate asked for is done.
type Activated struct{ Op uint32 }

// ActivationFailed says that Activate could not be done, or not in time.
type ActivationFailed struct {
	Op  uint32
	Err string
}

// Deactivated says that no floating address is left on this router.
type Deactivated struct{ Op uint32 }

// DeactivationFailed says that addresses may still be up.
type DeactivationFailed struct {
	Op  uint32
	Err string
}

// Switchover is the operator's wish that the other router serves, on whichever router it is uttered.
type Switchover struct{}

// EnterStandby is the operator's wish that this router does not serve.
type EnterStandby struct{}

// Resume ends standby. It brings nothing back by itself.
type Resume struct{}

// Stop is SIGTERM or SIGINT.
type Stop struct{ Signal int }

// Reload brings a changed lvs.cf: Keepalive, Deadtime and MonitorLinks are taken from it.
type Reload struct{ Config Config }

func (Start) event()              {}
func (Packet) event()             {}
func (Timer) event()              {}
func (Drained) event()            {}
func (Link) event()               {}
func (LvsdDied) event()           {}
func (LvsdUp) event()             {}
func (Activated) event()          {}
func (ActivationFailed) event()   {}
func (Deactivated) event()        {}
func (DeactivationFailed) event() {}
func (Switchover) event()         {}
func (EnterStandby) event()       {}
func (Resume) event()             {}
func (Stop) event()               {}
func (Reload) event()             {}

// Action is something the loop does, in the order returned: one of the types below. Actions are comparable.
type Action interface{ action() }

// Send sends a heartbeat to every channel there is. The trailer carries Flags, Turn, and Role and Boot of the Config.
type Send struct {
	Kind   Kind
	Flags  Flags
	Turn   uint32
	Copies int // how often: more than once for a farewell, which is not repeated
}

// Reason is why a router activates or deactivates. The zero value is invalid.
type Reason uint8

// The reasons.
const (
	AtStart         Reason = iota + 1 // clear what an earlier run left; or the router is alone
	Forced                            // --forceactive
	PartnerDead                       // silent for a deadtime
	PartnerInactive                   // said STOPPED
	PartnerActive                     // both were active and the partner stays
	LinkFailure
	LvsdFailure
	ActivationFailure
	ByOperator
	Stopping
	Adopted // active before, and without a pause
)

// Activate brings up the service: lvsd, addresses, announcements, active_cmd, sync role. It is done beside the loop and
// answered by Activated or ActivationFailed with the same Op, unless a Deactivate overtakes it.
type Activate struct {
	Op     uint32
	Reason Reason
}

// Deactivate cancels an Activate under way, stops announcing, takes everything down, also what an earlier run left,
// and runs inactive_cmd. It is done beside the loop and answered by Deactivated or DeactivationFailed with the same Op.
type Deactivate struct {
	Op     uint32
	Reason Reason
}

// Announce sends gratuitous ARP for all addresses again.
type Announce struct{}

// RunActiveCommand runs active_cmd again.
type RunActiveCommand struct{}

// RestartLvsd starts lvsd again. It is answered by LvsdUp or LvsdDied.
type RestartLvsd struct{}

// Drain reads what is waiting in the sockets, without waiting for more, and then reports Drained.
type Drain struct{}

// Arm sets the one timer; the time before is forgotten. The zero time disarms it.
type Arm struct{ At time.Time }

// Level is how much a log line matters. The zero value is invalid.
type Level uint8

// The levels.
const (
	Info Level = iota + 1
	Warning
)

// Log writes a line. Text is the original's, word for word, where it had one.
type Log struct {
	Level Level
	Text  string
}

// Refuse answers the operator's event just passed in: it is not followed, and why.
type Refuse struct{ Text string }

// Exit ends pulse.
type Exit struct{ Code int }

func (Send) action()             {}
func (Activate) action()         {}
func (Deactivate) action()       {}
func (Announce) action()         {}
func (RunActiveCommand) action() {}
func (RestartLvsd) action()      {}
func (Drain) action()            {}
func (Arm) action()              {}
func (Log) action()              {}
func (Refuse) action()           {}
func (Exit) action()             {}
