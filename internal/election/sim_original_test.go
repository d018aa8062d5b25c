package election

import "time"

// original is a Piranha router as piranha-pulse.md describes it (sections 2.5 to 2.8), its defects included: it acts on
// an overdue dead timer before it reads (8.4), by the wall clock (8.5), goes without farewell (8.3), heeds STOPPED at
// once (8.7), does nothing beside taking down (8.22), goes on announcing after that (8.14), keeps lvsd's death in mind
// until it hears RUNNING (2.5), and does nothing about addresses found at start (8.16).
type original struct {
	node
	active    bool
	linkFail  bool
	childFail bool
	sendAt    time.Duration
	deadAt    time.Duration
	busyUntil time.Duration
}

func (o *original) serving() bool { return o.up && o.active }
func (o *original) busy() bool    { return o.w.now < o.busyUntil }
func (o *original) holds() bool   { return o.up && (o.active || o.busy()) }

func (o *original) describe() string {
	if o.active {
		return "ORIG+"
	}
	return "orig-"
}

func (o *original) start() {
	if o.up {
		return
	}
	w := o.w
	o.up, o.active, o.linkFail, o.childFail, o.lvsdUp = true, false, false, false, true
	o.life++
	o.busyUntil = 0
	o.readySince, o.stallSince = w.now, w.now
	o.sendAt, o.deadAt = w.now+w.keepalive, w.now+w.deadtime
	w.log(&o.node, "process starts")
	o.testLink()
	o.arm()
}

func (o *original) arm() {
	o.timerSeq++
	seq := o.timerSeq
	at := max(min(o.sendAt, o.deadAt), o.busyUntil)
	o.when(max(at-o.w.now, 0), func() {
		if seq == o.timerSeq {
			o.tick()
		}
	})
}

// tick does whatever is overdue, without reading.
func (o *original) tick() {
	w := o.w
	if o.busy() {
		o.arm()
		return
	}
	if o.sendAt <= w.now {
		o.transmit(o.active)
		o.sendAt = w.now + w.keepalive
	}
	if o.deadAt <= w.now {
		o.deadAt = w.now + w.deadtime
		if !o.active && !o.linkFail && !o.childFail { // row 12
			o.activate("partner dead")
		}
	}
	o.testLink()
	o.arm()
}

func (o *original) transmit(running bool) {
	kind := Stopped
	if running {
		kind = Running
	}
	o.w.transmit(&o.node, Packet{Kind: kind})
}

func (o *original) packet(p Packet, from *node) {
	if o.busy() { // what comes now is read later
		o.when(o.busyUntil-o.w.now, func() { o.packet(p, from) })
		return
	}
	o.testLink()
	switch {
	case p.Kind == Running:
		o.childFail = false // row 1
		switch {
		case o.active && o.role == Backup: // row 3
			o.transmit(true)
			o.deactivate("partner active")
		case o.active: // row 4
			o.announce("partner active: resending arps")
		}
	case p.Kind == Stopped && !o.active && !o.linkFail && !o.childFail: // rows 6, 7
		o.activate("partner inactive")
	}
	o.deadAt = o.w.now + o.w.deadtime
	o.arm()
}

func (o *original) activate(why string) {
	o.active = true
	o.w.log(&o.node, "activates: %s", why)
	o.w.judge.originalActivated(o.w, o)
	o.announce("")
}

// announce sends five announcements, one second apart, by a process that nobody stops. Those that a frozen machine holds
// up are left out: nothing but the slow refresh of the router that serves helps against them.
func (o *original) announce(why string) {
	if why != "" {
		o.w.log(&o.node, "%s", why)
	}
	for i := range 5 {
		o.w.after(time.Duration(i)*time.Second, func() {
			if !o.deaf {
				o.w.arp = o.id
			}
		})
	}
}

func (o *original) deactivate(why string) {
	o.active = false
	d := o.w.between(0, min(o.slow, o.w.deadtime-o.w.keepalive))
	o.busyUntil = o.w.now + d
	o.w.log(&o.node, "deactivates: %s, taking %v", why, d)
	o.readySince = o.busyUntil
}

// testLink is rows 14 to 16.
func (o *original) testLink() {
	switch {
	case !o.linkUp && !o.linkFail:
		o.linkFail = true
		if o.active {
			o.deactivate("local link failure")
		}
	case o.linkUp && o.linkFail:
		o.linkFail = false
	}
}

// lvsdDies is row 17.
func (o *original) lvsdDies() {
	if o.active {
		o.childFail = true
		o.deactivate("child died")
		o.arm()
	}
}

// clockStep sets the wall clock forward.
func (o *original) clockStep(d time.Duration) {
	o.w.log(&o.node, "clock steps by %v", d)
	o.sendAt -= d
	o.deadAt -= d
	if !o.frozen {
		o.tick()
	}
}
