// Package election decides which of two routers serves. It is pure: Step maps a state, an event and a time to the next
// state and to actions, which the loop in pulse carries out in order. It reads no clock and does nothing itself.
package election
