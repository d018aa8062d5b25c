package monitor

import (
	"strconv"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// Cluster is the two routers.
type Cluster struct {
	Nodes []Node // this one first
	Beat  *Beat  // nil: there is no other router
}

// Node is a router.
type Node struct {
	Name             string
	Role             string // primary, backup; "": not known
	This             bool
	Tag              State // what it does: active, standby
	State            State // how it is
	Address, Private string
	Since            time.Time // of Tag; zero: not known
	Sees             string    // real servers
	Addresses        []string  // that it holds; only of this router
	Serial           string
	Step             State // whether its lvs.cf is the other's
}

// Beat is the heartbeat of the other router.
type Beat struct {
	State State
	Ago   time.Duration // since the last one, on the channel that is better off; below 0: never
	Dead  time.Duration // after which it counts as dead
	Every time.Duration
	Paths []string // what is heard on which channel
}

// Used is how much of the time until the other router counts as dead has passed, 0 to 150.
func (b *Beat) Used() int {
	if b.Ago < 0 || b.Dead <= 0 {
		return 150
	}
	return int(150 * min(float64(b.Ago)/float64(b.Dead), 1))
}

// Doing is the word of the tag at the beginning of a line.
func (n Node) Doing() string {
	if n.Tag.Word == "" {
		return ""
	}
	return strings.ToUpper(n.Tag.Word[:1]) + n.Tag.Word[1:]
}

func cluster(in Input) Cluster {
	c := Cluster{Nodes: []Node{thisNode(in)}}
	if alone(in) {
		return c
	}
	c.Nodes = append(c.Nodes, otherNode(in))
	c.Beat = beat(in)
	return c
}

// alone tells whether there is no other router.
func alone(in Input) bool {
	return in.Config != nil && !in.Config.BackupActive && (in.Pulse.Status == nil || in.Pulse.Status.Partner.Health == "unknown")
}

// director is what lvs.cf has of the router with a role.
func director(cfg *lvscf.Config, role string) lvscf.Director {
	switch {
	case cfg == nil:
	case role == "primary":
		return cfg.Primary
	case role == "backup":
		return cfg.Backup
	}
	return lvscf.Director{}
}

// addresses are the public and the private one, the latter if it is another.
func addresses(d lvscf.Director) (public, private string) {
	if d.PrivateName != d.Name {
		private = d.PrivateName
	}
	return d.Name, private
}

func thisNode(in Input) Node {
	n := Node{Name: in.Host, This: true, State: daemonState(in.Pulse), Tag: State{"off", "not known"}}
	p := in.Pulse.Status
	if p == nil {
		return n
	}
	n.Role = p.Role
	n.Address, n.Private = addresses(director(in.Config, p.Role))
	n.Serial = strconv.FormatInt(p.SerialNo, 10)
	if !in.Pulse.Fresh() {
		n.Tag = State{"off", "was " + tag(p.State).Word}
		return n
	}
	n.Tag, n.Since, n.Sees = tag(p.State), p.Since, sees(p.Servers)
	if p.State == "active" {
		n.Addresses = p.Addresses
	}
	return n
}

// tag is what a router does, in a word.
func tag(state string) State {
	switch state {
	case "active":
		return State{"up", "active"}
	case "inactive":
		return State{"off", "standby"}
	case "":
		return State{"off", "not known"}
	}
	return State{"warn", state}
}

func sees(s *Servers) string {
	if s == nil {
		return ""
	}
	return strconv.Itoa(s.Up) + " of " + count(s.Configured, "real server")
}

func otherNode(in Input) Node {
	n := Node{Name: "the other router", Tag: State{"off", "not known"}, State: State{"off", "not known"}}
	p := in.Pulse.Status
	if p == nil {
		return n
	}
	n.Role = map[string]string{"primary": "backup", "backup": "primary"}[p.Role]
	n.Address, n.Private = addresses(director(in.Config, n.Role))
	if !in.Pulse.Fresh() {
		return n
	}
	n.State = partnerState(p.Partner.Health)
	if p.Partner.Health != "alive" {
		return n
	}
	n.Tag, n.Sees = tag(p.Partner.State), sees(p.Partner.Servers)
	if p.Partner.Since != nil {
		n.Since = *p.Partner.Since
	}
	if p.Partner.Original {
		n.Step = State{"off", "an original router does not say"}
		return n
	}
	n.Serial = strconv.FormatInt(p.Partner.SerialNo, 10)
	n.Step = State{"up", "means the same as here"}
	if !p.Partner.SameConfig {
		n.Step = State{"warn", "means something else than here"}
	}
	return n
}

func partnerState(health string) State {
	switch health {
	case "alive":
		return State{"up", "running"}
	case "dead":
		return State{"down", "silent"}
	case "left":
		return State{"off", "stopped"}
	}
	return State{"off", "not heard yet"}
}

func beat(in Input) *Beat {
	b := &Beat{State: State{"off", "not known"}, Ago: -1}
	if in.Config != nil {
		b.Every, b.Dead = in.Config.Keepalive, in.Config.Deadtime
	}
	if !in.Pulse.Fresh() {
		return b
	}
	p := in.Pulse.Status.Partner
	since := in.Now.Sub(in.Pulse.At)
	for _, c := range []struct {
		name string
		ago  *float64
	}{{"public", p.Public}, {"private", p.Private}} {
		if c.ago == nil {
			continue
		}
		ago := time.Duration(*c.ago*float64(time.Second)) + since
		if b.Ago < 0 || ago < b.Ago {
			b.Ago = ago
		}
		b.Paths = append(b.Paths, c.name+" "+strconv.FormatFloat(ago.Seconds(), 'f', 1, 64)+" s")
	}
	switch {
	case b.Ago < 0:
		b.State = State{"off", "never heard"}
	case p.Health == "left":
		b.State = State{"off", "it said farewell"}
	case p.Health == "dead":
		b.State = State{"down", "silent"}
	case b.Dead > 0 && b.Ago > b.Dead/2:
		b.State = State{"warn", "late"}
	default:
		b.State = State{"up", "heard"}
	}
	return b
}

// notes is what people should know beside the tables.
func notes(in Input) []Note {
	var list []Note
	say := func(condition bool, class, text string) {
		if condition {
			list = append(list, Note{class, text})
		}
	}
	p, l := in.Pulse, in.Lvsd
	say(p.Gone, "down", "pulse does not run: this router does not serve.")
	say(p.Err != nil && !p.Gone, "warn", "pulse does not answer: "+errorText(p.Err)+".")
	if p.Fresh() {
		list = append(list, routerNotes(in)...)
	}
	needed := !p.Fresh() || p.Status.LvsdPid != 0 || p.Status.State == "active"
	say(l.Err != nil && l.Gone && needed, "down", "lvsd does not run.")
	say(l.Err != nil && l.Gone && !needed, "off", "lvsd does not run, as it should be with standby = cold.")
	say(l.Err != nil && !l.Gone, "warn", "lvsd does not answer: "+errorText(l.Err)+".")
	if l.Fresh() {
		s := l.Status
		say(!s.InStep && s.Error != "", "down", "The kernel's table is not as it should be: "+s.Error)
		say(!s.InStep && s.Error == "", "warn", "The kernel's table is being changed.")
		say(!s.Active, "off", "This router is on standby: it watches the real servers, and its own table is empty.")
		say(p.Fresh() && p.Status.SerialNo != s.SerialNo, "warn", "lvsd works with another lvs.cf than pulse, with serial "+strconv.FormatInt(s.SerialNo, 10)+".")
	}
	return list
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSuffix(err.Error(), ".")
}

// routerNotes are those that pulse's own answer gives rise to.
func routerNotes(in Input) []Note {
	var list []Note
	say := func(condition bool, class, text string) {
		if condition {
			list = append(list, Note{class, text})
		}
	}
	p := in.Pulse.Status
	alive := p.Partner.Health == "alive"
	say(alive && p.State == "active" && p.Partner.State == "active", "down", "Both routers are active.")
	say(alive && p.State == "inactive" && p.Partner.State == "inactive", "down", "Neither router is active.")
	say(p.Partner.Health == "dead", "down", "The other router is silent. If this one fails too, nobody takes over.")
	say(p.Standby, "hold", "An operator keeps this router from serving, until piranhactl resume.")
	say(len(p.LostLinks) > 0, "down", "No link on the device of the "+strings.Join(p.LostLinks, " and ")+" channel.")
	say(p.LoadError != "", "down", "The last reload was refused, the lvs.cf from before is in force: "+p.LoadError)
	say(p.LvsdPid == 0 && p.State == "active", "down", "This router is active without lvsd.")
	say(alive && !p.Partner.Original && !p.Partner.SameConfig, "warn", "The lvs.cf of the other router means something else than the one here.")
	if in.Config != nil && in.Config.SerialNo != p.SerialNo {
		say(true, "warn", "lvs.cf has serial "+strconv.FormatInt(in.Config.SerialNo, 10)+", in force is serial "+strconv.FormatInt(p.SerialNo, 10)+": piranhactl reload.")
	}
	return list
}
