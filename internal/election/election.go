package election

import "time"

// Role is what lvs.cf makes of this router, fixed while it runs. The zero value is invalid, and in a packet means that
// the sender's role is not known.
type Role uint8

// The roles.
const (
	Primary Role = iota + 1
	Backup
)

// Config is what an election is told once. It is comparable.
type Config struct {
	Role Role
	// Boot is the boot id sent in our trailer: a random number, other than 0, of this run of pulse.
	Boot      uint64
	Keepalive time.Duration // from one heartbeat to the next
	Deadtime  time.Duration // silence after which the partner is dead
	// BackupActive is false for a single router (backup_active = 0 or heartbeat = 0): it serves at once and neither
	// sends heartbeats nor heeds any.
	BackupActive bool
	MonitorLinks bool // a lost public link counts; otherwise links are ignored
	ForceActive  bool // --forceactive: begin to serve at start
	Standby      bool // start in standby, as the operator left it
	Adopt        bool // start active: what is up is ours, and the partner has not missed us
}

// New is the state before Start. Times that would make a timer spin are raised; that they make sense together is
// for lvs.cf's check to say.
func New(c Config) State {
	return State{Config: c.sane()}
}

func (c Config) sane() Config {
	c.Keepalive = max(c.Keepalive, time.Millisecond)
	c.Deadtime = max(c.Deadtime, c.Keepalive)
	return c
}

// Phase is where this router stands. It decides what heartbeats say.
type Phase uint8

// The phases.
const (
	Unstarted    Phase = iota // nothing is sent, nothing heeded but Start
	Clearing                  // addresses an earlier run may have left are removed, or inactive_cmd runs: silence
	Inactive                  // all addresses down: STOPPED
	Activating                // RUNNING
	Active                    // RUNNING
	Deactivating              // RUNNING, until the last address is down
	Ended                     // after Exit
)

var phaseNames = [...]string{"unstarted", "clearing", "inactive", "activating", "active", "deactivating", "ended"}

func (p Phase) String() string { return phaseNames[p] }

// State is everything an election knows. It is comparable; the exported fields are for reading.
type State struct {
	Config Config
	Phase  Phase
	Since  time.Time // when Phase began

	Standby  bool // by the operator: will not serve until Resume
	LinkDown bool // the public link is lost, or has not been back for a deadtime
	LvsdDown bool // lvsd died and is not up again
	Stopping bool
	Partner  Partner

	// Turn counts the activations begun, for our trailer.
	Turn uint32

	op        uint32 // number of the last Activate or Deactivate
	reason    Reason // of the Deactivate under way
	after     after  // what the Deactivate under way is for
	contested bool   // both claimed to be active and the partner has not withdrawn
	draining  bool   // a Drain is not answered yet
	graced    bool   // a long stall of our own has been forgiven since the partner was last heard
	grace     uint8  // how many stalls have been
	stopTries uint8  // failed deactivations of a stop
	failures  uint8  // of lvsd and activations in a row
	failedAt  time.Time
	stopmeAt  time.Time // when STOPME was last logged
	armed     time.Time // the last Arm

	// Deadlines; zero ones are not set.
	sendAt       time.Time // next heartbeat
	deadAt       time.Time // partner is dead, unless the sockets hold something
	waitUntil    time.Time // the other router goes first
	readyAt      time.Time // since when nothing keeps us from serving; not a deadline
	holdUntil    time.Time // we gave way, or failed: not before this
	holdFailed   bool      // holdUntil is for a failed activation
	wantUntil    time.Time // the partner is asked to give way
	restartAt    time.Time // restart lvsd
	linkAt       time.Time // the public link has been back long enough
	announceAt   time.Time // announce once more
	announcedAt  time.Time // when we last announced against a claim of the partner
	deactivateAt time.Time // try a failed deactivation again
}

// after is what follows a deactivation. The zero value: nothing special.
type after uint8

const (
	afterYield  after = iota + 1 // the partner shall take over: hold back
	afterFailed                  // activation failed: hold back, then try again
)

// Health is what is known of the partner.
type Health uint8

// The values of Health.
const (
	Unknown Health = iota // not heard yet, and not for a deadtime
	Alive
	Dead // silent for a deadtime
	Left // said farewell
)

var healthNames = [...]string{"unknown", "alive", "dead", "left"}

func (h Health) String() string { return healthNames[h] }

// Partner is what the other router's packets told.
type Partner struct {
	Health Health
	// Trailer says that the last packet had our trailer; without, the partner is an original router.
	Trailer bool
	Kind    Kind // Running, Stopped; 0 if not known
	Role    Role // 0 if not known
	Flags   Flags
	Turn    uint32
	Boot    uint64
	// Heard is when the partner was last heard on each channel, Public and Private.
	Heard [2]time.Time

	bootAt          time.Time // when Boot was last heard
	counter         uint64    // highest counter of Boot
	counters        [2]uint64
	previousBoot    uint64
	previousCounter uint64
	away            bool // it was dead, or is another run: what it did since is not known
	handover        bool // an original went from RUNNING to STOPPED
}

// Claim is what our heartbeats say in this phase; 0 is silence.
func (s State) Claim() Kind {
	switch s.Phase {
	case Inactive:
		return Stopped
	case Activating, Active, Deactivating:
		return Running
	}
	return 0
}

// Flags are the flags of our trailer.
func (s State) Flags() Flags {
	var f Flags
	if s.Standby || s.LinkDown || s.LvsdDown || s.Stopping || !s.holdUntil.IsZero() || s.Phase == Deactivating {
		f |= Unwilling
	}
	if s.Standby {
		f |= InStandby
	}
	if s.Stopping {
		f |= Leaving
	}
	if !s.wantUntil.IsZero() {
		f |= Wanted
	}
	return f
}

// CanHandOver says whether the partner could take over now.
func (s State) CanHandOver() bool { return s.Partner.canServe() && s.Partner.Kind == Stopped }

// canServe says that the partner is there and serves already or would. An original does not say whether it would.
func (p Partner) canServe() bool {
	if p.Health != Alive {
		return false
	}
	switch p.Kind {
	case Running:
		return !p.has(Leaving)
	case Stopped:
		return !p.has(Unwilling) && !p.has(Leaving)
	}
	return false
}

// has says that the partner's last packet carried one of flags.
func (p Partner) has(flags Flags) bool { return p.Trailer && p.Flags&flags != 0 }
