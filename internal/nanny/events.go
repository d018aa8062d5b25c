package nanny

import (
	"time"

	"golang.org/x/sys/unix"
)

// event is what ends a wait: the number of a signal, or one of those below.
type event int

const (
	tick     event = 0 // the time has come
	lvsdGone event = -1
)

// events waits for signals, for the end of lvsd and for the time of the next check, all in one poll(2), so that none
// delays another and no second goroutine takes memory.
type events struct {
	polls []unix.PollFd // the signals, then the report descriptor if there is one
	left  unix.Timespec
}

// newEvents watches the pipe of signals and the report descriptor, unless that is negative. Of the latter it only wants
// to know that the reader is gone, which poll tells unasked.
func newEvents(signals, report int) *events {
	e := &events{polls: []unix.PollFd{{Fd: int32(signals), Events: unix.POLLIN}}}
	if report >= 0 {
		e.polls = append(e.polls, unix.PollFd{Fd: int32(report)})
	}
	return e
}

// wake returns what should interrupt a check.
func (e *events) wake() []unix.PollFd { return e.polls }

// next waits for the next event, until due at most. Signals come first and one by one, in the order they came.
func (e *events) next(due time.Time) event {
	for {
		e.left = unix.NsecToTimespec(int64(max(0, time.Until(due))))
		n, err := unix.Ppoll(e.polls, &e.left, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			// Without memory for a poll there is still a server to watch.
			return tick
		}
		if e.polls[0].Revents != 0 {
			var signal [1]byte
			if n, err := unix.Read(int(e.polls[0].Fd), signal[:]); err == nil && n == 1 {
				return event(signal[0])
			}
		}
		if len(e.polls) > 1 && e.polls[1].Revents != 0 {
			return lvsdGone
		}
	}
}
