package heartbeat

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"time"
)

// Stage is how far authentication has been introduced. The zero value is invalid.
type Stage uint8

// The stages, in the order an administrator goes through them on both routers.
const (
	Off        Stage = iota + 1 // send and expect no authentication code; whatever comes along is not checked
	Permissive                  // send it, accept packets without, report them
	Enforce                     // accept no packet without
)

func (s Stage) String() string {
	switch s {
	case Off:
		return "off"
	case Permissive:
		return "permissive"
	case Enforce:
		return "enforce"
	}
	return "invalid"
}

// ParseStage reads what String writes.
func ParseStage(text string) (Stage, error) {
	for s := Off; s <= Enforce; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("heartbeat authentication %q: off, permissive or enforce", text)
}

// Rules are what a Guard goes by.
type Rules struct {
	Service Service
	Role    Role // our own
	Stage   Stage
	Key     *Key // nil only with Off

	// Permissive: after a packet that proved itself, others without authentication are ignored for this long: they are
	// forged, as the partner speaks for itself. It must end well before the partner counts as dead, because a partner
	// that was put back to an older version, or had its key taken away, must be heard by then: half of deadtime.
	Hold time.Duration

	// Authenticated packets that do not prove their age keep us from taking over for this long after the start. It
	// should allow for some lost packets: twice deadtime.
	Grace time.Duration
}

func (r Rules) check() error {
	switch {
	case r.Service != LVS && r.Service != FOS:
		return errors.New("heartbeat: no service")
	case r.Role != Primary && r.Role != Backup:
		return errors.New("heartbeat: no role")
	case r.Stage < Off || r.Stage > Enforce:
		return errors.New("heartbeat: no stage of authentication")
	case r.Stage != Off && r.Key == nil:
		return fmt.Errorf("heartbeat authentication %v: a key is needed", r.Stage)
	}
	return nil
}

// Trust is what is known of an accepted packet's origin. The zero value is invalid.
type Trust uint8

// The degrees of trust.
const (
	Plain  Trust = iota + 1 // nothing but its source address
	Signed                  // by somebody with the key, perhaps before a restart
	Proven                  // by the partner as it runs now, since we started
)

func (t Trust) String() string {
	switch t {
	case Plain:
		return "plain"
	case Signed:
		return "signed"
	case Proven:
		return "proven"
	}
	return "none"
}

// Verdict is what to make of a datagram.
type Verdict struct {
	Reason   Reason // why it does not count, or what is odd about it; 0 if nothing
	Accepted bool   // the partner lives: its deadtime begins anew
	Decides  bool   // what it says holds now; otherwise it shows that the partner lives and no more
	Trust    Trust  // 0 unless Accepted
}

// candidates is how many starts of the partner are remembered that have not proved themselves. There is one, but for
// somebody who plays back recordings.
const candidates = 8

// pairing is how many packets of a restarted partner may be unproven before that is worth a line in the log.
const pairing = 8

// Guard decides which datagrams count and prepares our own. It is pure but for random numbers, and not for concurrent
// use.
type Guard struct {
	rules Rules
	mac   *mac // nil with Off
	boot  BootID
	sent  uint64    // counter of our last packet
	since time.Time // the start, or when key or stage last changed

	current session // the start of the partner that proved itself last; its boot is zero before
	floor   uint64  // sent when current was adopted: a successor must have heard something later
	proven  time.Time

	others [candidates]session // not proven; an empty one has a zero boot
	clock  uint64              // counts packets from others
	heard  claim

	plain     BootID // sender of the last unauthenticated trailer, and its counter
	plainHigh uint64
}

// NewGuard returns a guard with a new boot id.
func NewGuard(r Rules, now time.Time) (*Guard, error) {
	g := new(Guard)
	for g.boot.Short() == 0 {
		_, _ = rand.Read(g.boot[:]) // never fails
	}
	if err := g.SetRules(r, now); err != nil {
		return nil, err
	}
	return g, nil
}

// Boot is our own boot id.
func (g *Guard) Boot() BootID { return g.boot }

// SetRules changes the rules. What is known of the partner is kept.
func (g *Guard) SetRules(r Rules, now time.Time) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.Stage != g.rules.Stage || !r.Key.Equal(g.rules.Key) {
		g.since = now
		g.mac = nil
		if r.Stage != Off {
			g.mac = r.Key.mac()
		}
	}
	g.rules = r
	return nil
}

// Append appends our next packet for one channel to dst. It fills in what identifies us; the caller gives Kind, Flags
// and what there is to tell.
func (g *Guard) Append(dst []byte, p Packet, c Channel) []byte {
	g.sent++
	p.Trailer, p.Boot, p.Counter, p.Role, p.Channel = true, g.boot, g.sent, g.rules.Role, c
	p.EchoBoot, p.EchoCounter = g.echo()
	return appendPacket(dst, p, g.mac)
}

// echo chooses whom this packet tells that we heard it: the partner, or while there is none, somebody who must still
// prove to be the partner. One that takes the partner's place hears us and proves itself without being told.
func (g *Guard) echo() (BootID, uint64) {
	if g.current.boot != (BootID{}) {
		return g.current.boot, g.current.high
	}
	g.heard.told = true
	return g.heard.boot, g.heard.counter
}

// claim is whom to tell among those that did not prove themselves.
type claim struct {
	boot    BootID
	counter uint64
	lot     uint64
	seed    maphash.Seed
	told    bool
}

// draw lets the sender of p take part. Of all heard since we last told one, each has the same chance, however many
// packets it sends: so whoever plays back recordings of n starts makes the partner wait for n turns more on average, and
// cannot keep it out.
func (c *claim) draw(p Packet) {
	if c.told || c.boot == (BootID{}) {
		*c = claim{seed: maphash.MakeSeed(), lot: math.MaxUint64}
	}
	switch lot := maphash.Bytes(c.seed, p.Boot[:]); {
	case p.Boot == c.boot:
		c.counter = max(c.counter, p.Counter)
	case lot <= c.lot:
		c.boot, c.counter, c.lot = p.Boot, p.Counter, lot
	}
}

// Check judges a datagram that came in on channel c from an address of the partner. It computes at most one
// authentication code, and none for what it can refuse without.
func (g *Guard) Check(b []byte, c Channel, now time.Time) (Packet, Verdict) {
	p, err := Decode(b)
	switch {
	case errors.Is(err, ErrShort):
		return p, Verdict{Reason: Short}
	case errors.Is(err, ErrTrailer):
		return p, Verdict{Reason: Malformed}
	case err != nil || !g.rules.Service.takes(p.Kind):
		return p, Verdict{Reason: Incompatible}
	case p.Trailer && p.Boot == g.boot:
		return p, Verdict{Reason: Reflected}
	case g.rules.Stage == Off:
		return p, g.unsigned(p, g.sameRole(p))
	case p.Signed:
		return p, g.signed(p, b, c, now)
	case g.rules.Stage == Enforce:
		return p, Verdict{Reason: Unsigned}
	case g.held(now):
		return p, Verdict{Reason: Downgraded}
	}
	return p, g.unsigned(p, TookUnsigned)
}

// sameRole is what is odd about a packet of our own role. It counts: if both routers think so because their lvs.cf differ,
// they must not be deaf for each other as well.
func (g *Guard) sameRole(p Packet) Reason {
	if p.Trailer && p.Role == g.rules.Role {
		return SameRole
	}
	return 0
}

// held tells whether packets without authentication are ignored, with Permissive.
func (g *Guard) held(now time.Time) bool {
	return !g.proven.IsZero() && now.Sub(g.proven) < g.rules.Hold
}

// unsigned accepts a packet nothing is known of. Its counter can only put it in order with its neighbours: a forged one
// must not make us deaf for the partner's.
func (g *Guard) unsigned(p Packet, why Reason) Verdict {
	v := Verdict{Reason: why, Accepted: true, Decides: true, Trust: Plain}
	if !p.Trailer {
		return v
	}
	if p.Boot == g.plain && p.Counter <= g.plainHigh && g.plainHigh-p.Counter < windowSize {
		v.Decides = false
		return v
	}
	g.plain, g.plainHigh = p.Boot, p.Counter
	return v
}

func (g *Guard) signed(p Packet, b []byte, c Channel, now time.Time) Verdict {
	s := g.session(p.Boot)
	if s != nil && !s.window(p.Channel).fresh(p.Counter) {
		return Verdict{Reason: Replayed}
	}
	switch {
	case g.mac.verify(b):
	case g.rules.Stage == Enforce:
		return Verdict{Reason: WrongKey}
	case g.held(now):
		return Verdict{Reason: Downgraded}
	default:
		return g.unsigned(p, TookWrongKey)
	}
	switch {
	case p.Channel != c:
		return Verdict{Reason: Misdirected}
	case s == &g.current && p.Counter < s.from && !g.proves(p, s.floor):
		return Verdict{Reason: Replayed} // from before it knew us
	case s == &g.current:
		late := p.Counter < s.high
		s.mark(p)
		g.proven = now
		return Verdict{Reason: g.sameRole(p), Accepted: true, Decides: !late, Trust: Proven}
	case g.proves(p, g.floor):
		g.adopt(p, now)
		return Verdict{Reason: g.sameRole(p), Accepted: true, Decides: true, Trust: Proven}
	}
	return g.unproven(s, p, now)
}

func (g *Guard) session(boot BootID) *session {
	if boot == g.current.boot {
		return &g.current
	}
	for i := range g.others {
		if g.others[i].boot == boot {
			return &g.others[i]
		}
	}
	return nil
}

// proves tells whether p was made after we sent our packet number floor.
func (g *Guard) proves(p Packet, floor uint64) bool {
	return p.EchoBoot == g.boot && p.EchoCounter > floor && p.EchoCounter <= g.sent
}

// adopt makes the sender of p, which echoes a packet we sent after adopting the one before, the partner. What it sends
// from now on is new; what it sent before must prove that by itself.
func (g *Guard) adopt(p Packet, now time.Time) {
	g.current = session{boot: p.Boot, from: p.Counter, floor: g.floor}
	g.current.mark(p)
	g.others = [candidates]session{}
	g.floor, g.proven = g.sent, now
}

// unproven notes a packet that has a valid code but may be a recording. It cannot make us do anything. It can keep us
// from taking over, but only at first, when the partner may just not have heard us yet; and not once the partner has
// proved itself, for then silence is silence, and a partner that comes back is not active.
func (g *Guard) unproven(s *session, p Packet, now time.Time) Verdict {
	if s == nil {
		s = g.oldest()
		*s = session{boot: p.Boot}
	}
	s.mark(p)
	g.heard.draw(p)
	g.clock++
	s.heard = g.clock
	switch {
	case g.rules.Stage == Permissive && !g.held(now):
		v := g.unsigned(p, g.sameRole(p)) // no worse than one without any code
		v.Trust = Signed
		return v
	case p.Role == g.rules.Role:
		return Verdict{Reason: SameRole} // perhaps our own, from before our restart
	case g.current.boot == (BootID{}) && now.Sub(g.since) < g.rules.Grace:
		return Verdict{Accepted: true, Trust: Signed}
	case s.packets <= pairing:
		return Verdict{Reason: Pairing}
	}
	return Verdict{Reason: Unproven}
}

// oldest is the candidate to forget.
func (g *Guard) oldest() *session {
	o := &g.others[0]
	for i := range g.others {
		if g.others[i].heard < o.heard {
			o = &g.others[i]
		}
	}
	return o
}
