package gui

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/monitor"
)

// How long pulse may take to read lvs.cf before a page says that it has not yet, and how often it is looked.
const (
	reloadTime = 5 * time.Second
	reloadLook = 50 * time.Millisecond
)

// inForce is whether the daemons work with the lvs.cf that is on disk.
type inForce struct {
	monitor.State
	Text string
}

// reload has pulse read lvs.cf, and waits until it has, or has refused to.
func (s *Server) reload(ctx context.Context) error {
	before, _ := s.daemons.Ask(ctx)
	if before.Gone {
		return nil // it reads the file when it starts
	}
	if err := s.daemons.Pulse(ctx, "reload"); err != nil || !before.Fresh() {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	for {
		now, _ := s.daemons.AskNow(ctx)
		if now.Fresh() && !now.Status.LoadTried.Equal(before.Status.LoadTried) {
			return nil // in force or refused: the status says
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reloadLook):
		}
	}
}

// notReloaded says why pulse was not told to read lvs.cf.
func notReloaded(err error) string {
	var refusal *control.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusForbidden {
		return "This program may not tell the daemons what to do. As root: piranhactl reload; piranha-gui(8) says how to allow it."
	}
	return "pulse was not told to read lvs.cf: " + err.Error() + "."
}

// inForceNow compares lvs.cf with what the daemons say they work with.
func (s *Server) inForceNow(ctx context.Context) inForce {
	cfg, err := s.config.current()
	p, _ := s.daemons.AskNow(ctx)
	switch {
	case err != nil || cfg == nil:
		return inForce{monitor.State{Class: "off", Word: "not known"}, "lvs.cf is not there, or cannot be read."}
	case p.Gone:
		return inForce{monitor.State{Class: "off", Word: "not in force"}, "pulse does not run. It reads lvs.cf when it starts."}
	case !p.Fresh():
		return inForce{monitor.State{Class: "warn", Word: "not known"}, "pulse does not answer."}
	case p.Status.LoadError != "" && p.Status.SerialNo != cfg.SerialNo:
		return inForce{monitor.State{Class: "down", Word: "refused by pulse"}, p.Status.LoadError + ". Serial " + itoa(p.Status.SerialNo) + " is in force."}
	case p.Status.SerialNo != cfg.SerialNo:
		return inForce{monitor.State{Class: "warn", Word: "not in force"}, "Serial " + itoa(p.Status.SerialNo) + " is: pulse has not read lvs.cf since."}
	}
	return inForce{monitor.State{Class: "up", Word: "in force"}, ""}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
