package gui

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
)

const (
	// trialLook bounds how long the clock is not looked at, which may be set meanwhile.
	trialLook = time.Minute
	// trialAgain is the pause before a roll-back that failed is tried again.
	trialAgain = 5 * time.Second
)

// watchTrial rolls back what nobody has confirmed in time, until ctx is done.
func (s *Server) watchTrial(ctx context.Context) {
	wait := trialLook
	for {
		state, _ := s.changes.Look()
		if t := state.Trial(); t != nil {
			left := time.Until(t.Confirm)
			if left <= 0 && !s.rollBack(ctx, changes.Who{At: time.Now().Round(0)}, "nobody has confirmed it in time") {
				left = trialAgain
			}
			wait = min(max(left, 0), trialLook)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.changes.Woken():
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// rollBack takes back what is on trial, and tells whether the trial is over.
func (s *Server) rollBack(ctx context.Context, w changes.Who, why string) bool {
	serial, err := s.changes.Back(w)
	switch {
	case errors.Is(err, changes.ErrNoTrial):
		return true
	case errors.Is(err, changes.ErrConflict):
		s.log.Warn("not rolled back: somebody else has changed lvs.cf since", "account", w.Account, "address", w.Address)
		return true
	case err != nil:
		s.log.Error("cannot roll back lvs.cf", "err", err.Error())
		return false
	}
	s.log.Info("rolled back lvs.cf", "why", why, "account", w.Account, "address", w.Address, "serial_no", strconv.FormatInt(serial, 10))
	if err := s.reload(ctx); err != nil {
		s.log.Error("lvs.cf was rolled back, and pulse was not told", "err", err.Error())
	}
	return true
}
