// Package election decides which of two routers serves. It is pure: Step maps a state, an event and a time to the next
// state and to actions, which the loop in pulse carries out in order. It reads no clock, does nothing itself, and its
// State is a value that can be compared and kept.
//
// # Phases and what heartbeats say
//
//	Clearing      at start, and while a router that did not serve ends: what an earlier run left is removed. Silence,
//	              as RUNNING would depose the partner and STOPPED could be a lie.
//	Inactive      no address is up: STOPPED
//	Activating    RUNNING, from before the first address comes up
//	Active        RUNNING
//	Deactivating  RUNNING, until the last address is down; flagged Unwilling
//
// STOPPED invites the partner to serve; an original router follows at once. A router activates in three cases only:
// the partner says STOPPED, it said farewell, or it was silent for a deadtime and nothing is unread in the sockets.
//
// # Why both are not active
//
// Activation and deactivation are done beside the loop and take time. RUNNING covers all of that time, so the partner
// never begins before we are down, and does not begin once we have. A router begins nothing while it deactivates, and
// what it heard before it was down counts for nothing afterwards. Done events carry the number of the action they
// answer; those of an action that was overtaken are ignored.
//
// When two start, or recover, together, the primary acts on STOPPED at once. The backup answers and waits up to two
// keepalives, unless the partner has just stepped down or would not serve. Whoever gave way holds back until it hears
// RUNNING, or for a deadtime, or until the partner says that it cannot.
//
// Packets of a new router are numbered: one that was overtaken is ignored, and another run of the partner (boot id)
// is believed only when the known one has been silent for one and a half keepalives or said farewell.
//
// # When both are active all the same
//
// After a partition, say. The primary stays and announces; the backup says RUNNING once more, for the sake of an
// original primary, and steps down. Between new routers one that is impaired yields to one that is not. When the loser
// has withdrawn, the winner announces again; also when the partner's count of activations shows that it was active
// unheard, or when it comes back from the dead. Beside an original it announces once more 6 s later, as that one goes
// on announcing for 5 s.
//
// Three things no rule can exclude: both are active while neither hears the other; an impaired router may recover just
// as the other's patience ends, within the time of one packet; and an original says RUNNING only at its next
// keepalive after it has activated.
//
// # What does not move the service
//
// Nobody fails back. A lost private link is only told. A lost public link or a dead lvsd moves the service to a
// partner that can serve and to nobody otherwise; a link is good again after it has been up for a deadtime. After a
// stall of our own the sockets are read and the partner gets a fresh deadtime. lvsd and failed activations are tried
// again with pauses from 1 s to 32 s, for ever.
//
// # The loop's part
//
// Call Step with Start, then with every packet and happening, in order, and carry the actions out in order and without
// waiting. Arm is the only timer; when it fires call Step with Timer. Answer Drain by reading the sockets until they
// would block, passing each packet, then Drained. Answer Activate, Deactivate and RestartLvsd some time, whatever
// happens: give their work a time limit. An lvsd that was ended on purpose has not died. The time must be monotonic.
package election
