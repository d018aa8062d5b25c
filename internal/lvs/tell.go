package lvs

import "golang.org/x/sys/unix"

// tally is how many real servers are up, of how many. The zero value: not counted yet.
type tally struct{ up, configured int }

func (d *Daemon) tally() (t tally) {
	for _, svc := range d.plan {
		for _, rs := range svc.servers {
			t.configured++
			if d.health[rs.key].state == up {
				t.up++
			}
		}
	}
	return t
}

// tellPulse reports the tally, if it has changed, to the pulse that started us, which tells its partner. A pulse that does not read
// misses it.
func (d *Daemon) tellPulse() {
	if d.opt.GuardFD == 0 {
		return
	}
	if t := d.tally(); t != d.told {
		line := "servers " + itoa(t.up) + " " + itoa(t.configured) + "\n"
		if _, err := unix.Write(d.opt.GuardFD, []byte(line)); err == nil {
			d.told = t
		}
	}
}
