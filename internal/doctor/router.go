package doctor

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// routers: the other one must be there, and mean the same.
func (p *patient) routers() {
	s := p.f.Pulse
	if s == nil {
		return
	}
	if s.LoadError != "" {
		p.say(Error, "what is in force is an older lvs.cf", "piranhactl check", "the last reload was refused: %s", s.LoadError)
	}
	partner := p.cfg.Backup.Addr
	if _, here := p.where(partner); here {
		partner = p.cfg.Primary.Addr
	}
	switch {
	case !s.Expected:
	case !s.Heard:
		p.say(Warning, "nobody would take over; or both serve, if a firewall is all that is between them",
			fmt.Sprintf("tcpdump -ni any udp port %d", p.cfg.HeartbeatPort), "the other router, %s, is not heard", partner)
	case s.Original || s.SameConfig:
	default:
		newer := ""
		switch {
		case s.Serial > s.PartnerSerial:
			newer = "the one here has the greater serial_no: copy it there"
		case s.Serial < s.PartnerSerial:
			newer = "the one there has the greater serial_no: copy it here"
		default:
			newer = "both have the same serial_no: decide which is right, and copy it"
		}
		p.say(Warning, "after a takeover the service is another one; "+newer,
			fmt.Sprintf("ssh %s cat /etc/sysconfig/ha/lvs.cf | diff /etc/sysconfig/ha/lvs.cf -", partner), "the lvs.cf of the other router means something else")
	}
}

// where returns the device that has an address.
func (p *patient) where(a netip.Addr) (dev string, here bool) {
	for _, name := range slices.Sorted(maps.Keys(p.f.Devices)) {
		if _, has := p.f.Devices[name].has(a); has {
			return name, true
		}
	}
	return "", false
}

// key of the heartbeats.
func (p *patient) key() {
	if p.f.Unprivileged {
		p.say(Note, "the key, the passwords and the rules of the firewall are for root to read", "", "not everything could be looked at")
		return
	}
	f, path := p.f.Key, word(p.cfg.HeartbeatKey)
	const why = "without a key that nobody else can read pulse does not start"
	switch {
	case f.Err == nil:
	case f.Missing:
		p.say(Error, why+"; the other router needs the same file", fmt.Sprintf("(umask 077; head -c 32 /dev/urandom | base64 > %s)", path), "there is no %s", p.cfg.HeartbeatKey)
	default:
		p.say(Error, why, fmt.Sprintf("chown root %[1]s && chmod 600 %[1]s", path), "%s", f.Err)
	}
}

// passwords of the web panels.
func (p *patient) passwords() {
	w := p.f.Passwords
	switch {
	case p.f.Unprivileged:
		return
	case w.Missing:
		p.say(Note, "nobody can sign in to the web panels", "piranha-passwd", "there is no file of passwords")
		return
	case w.Err != nil:
		p.say(Warning, "nobody can sign in to the web panels", "", "the passwords of the web panels: %s", w.Err)
		return
	case !w.Set:
		p.say(Warning, "nobody can sign in to the web panels as piranha", "piranha-passwd", "account piranha has no password that can be used")
	}
	if w.Readable {
		p.say(Error, "every account of this machine can try them", "chmod o= "+PasswordFile, "everyone can read %s", PasswordFile)
	}
	if len(w.Weak) > 0 {
		p.say(Warning, "who reads the file finds such passwords by trying", "piranha-passwd -u "+word(w.Weak[0]),
			"passwords are kept by an old method, not bcrypt: %s", strings.Join(w.Weak, ", "))
	}
}
