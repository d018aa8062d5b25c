package gui

import "strconv"

// What clients notice of an action, as things are now. Nothing is promised that the daemons and the kernel do not do.

// connections are those a real server has.
func (at *subject) connections() string {
	t := at.Real.Traffic
	if t == nil {
		return "Connections it has (lvsd cannot count them now)"
	}
	if t.Active == 1 {
		return "The one connection it has"
	}
	return "The " + group(int64(t.Active)) + " connections it has"
}

// left says what is left of a virtual server without the real server.
func (at *subject) left() string {
	up := 0
	for i := range at.Service.Real {
		if r := &at.Service.Real[i]; r != at.Real && r.Present && r.Now > 0 {
			up++
		}
	}
	if up == 0 {
		return "No other real server of " + at.Virtual + " takes connections: new clients get no answer, or that of the sorry server if lvs.cf has one."
	}
	return "New clients of " + at.Virtual + " go to " + plural(up, "other real server") + "."
}

func (at *subject) here() []string {
	if at.Lvsd.Fresh() && !at.Lvsd.Status.Active {
		return []string{"This router is on standby: clients notice nothing now. The order holds if it becomes active. The other router has orders of its own."}
	}
	return nil
}

const ownOrders = "The order is this router's: after a takeover the other one knows nothing of it. It outlives a restart."

func drainEffects(at *subject) []string {
	return append(at.here(), at.left(), at.connections()+" go on until they end.",
		"Clients that it has by persistence may come back to it until that ends.", ownOrders)
}

func maintEffects(at *subject) []string {
	return append(at.here(), at.left(), at.connections()+" are cut: their packets reach nobody any more. To let them end, drain it first.", ownOrders)
}

func readyEffects(at *subject) []string {
	if at.Real.State == "up" {
		return append(at.here(), "Its checks pass: it gets new connections at once.")
	}
	return append(at.here(), "It is "+at.Real.State+" now: it gets connections when its checks pass.")
}

func weightEffects(at *subject) []string {
	return append(at.here(), "The share of new connections it gets changes. Connections there are stay where they are.",
		"Weight 0 keeps new ones away. lvs.cf says "+strconv.Itoa(at.Real.Weight)+"; default goes back to that.", ownOrders)
}

func probeEffects(*subject) []string {
	return []string{"Clients notice nothing. The real server is checked once more, from this router, by user piranha, and the steps are shown.", "Its state does not change by that: only its own monitor decides."}
}

func switchEffects(at *subject) []string {
	list := []string{"The router that serves gives the floating addresses to the other one. Clients get no answer for the moment between."}
	p := at.Pulse
	if !p.Fresh() {
		return append([]string{"pulse does not answer here: this cannot be done now."}, list...)
	}
	list = append(list, "Connections that are open go on only if the sync daemon has told the other router of them (syncdaemon in lvs.cf) or the real servers answer for them; others are cut.")
	if p.Status.Partner.Health != "alive" {
		return append([]string{"The other router is not heard: pulse will refuse."}, list...)
	}
	if p.Status.State == "active" {
		return append([]string{"This router serves now; the other one will."}, list...)
	}
	return append([]string{"The other router serves now; this one will."}, list...)
}

func standbyEffects(at *subject) []string {
	list := []string{"This router does not serve until somebody lets it resume, also after a restart: if the other one fails, nobody answers."}
	if at.Pulse.Fresh() && at.Pulse.Status.State == "active" {
		list = append(list, "It serves now: the other router takes over, and clients get no answer for the moment between.")
	}
	return list
}

func resumeEffects(*subject) []string {
	return []string{"This router may serve again when it is its turn. Clients notice nothing unless nobody serves now."}
}

func reloadEffects(*subject) []string {
	return []string{
		"pulse and lvsd read lvs.cf as it is on disk. What is new or changed in it is in force at once.",
		"Clients of a virtual or real server that is no longer in it, or switched off, are cut. Others notice nothing.",
		"If something in it is wrong, nothing changes.",
	}
}

func startEffects(*subject) []string {
	return []string{"This router listens for the other one, and serves if that does not. Clients notice nothing if it does."}
}

func stopEffects(at *subject) []string {
	if at.Pulse.Fresh() && at.Pulse.Status.Partner.Health != "alive" {
		return []string{"The other router is not heard: when this one stops, nobody answers clients."}
	}
	return []string{"This router stops serving. The other one takes over; clients get no answer for the moment between.", "If that fails later, nobody takes over."}
}
