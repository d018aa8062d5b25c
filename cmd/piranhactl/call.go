package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/pulse"
)

// callTime bounds a call that only asks.
const callTime = 5 * time.Second

// actTime bounds a call that acts: pulse may be busy, and a call given up may be followed all the same.
const actTime = 30 * time.Second

// cluster is what answers here: the two daemons of this router.
type cluster struct{ pulse, lvsd control.Client }

func newCluster(runDir string) cluster {
	return cluster{pulse: control.NewClient(runDir, "pulse", "pulse"), lvsd: control.NewClient(runDir, "lvs", "lvsd")}
}

func (c cluster) pulseStatus(ctx context.Context) (*pulse.Status, error) {
	s, _, err := ask[pulse.Status](ctx, c.pulse)
	return s, err
}

func (c cluster) lvsdStatus(ctx context.Context) (*lvs.Status, error) {
	s, _, err := ask[lvs.Status](ctx, c.lvsd)
	return s, err
}

// ask returns a daemon's status, also as it came: a daemon of another version may say more than is known here.
func ask[T any](ctx context.Context, c control.Client) (*T, json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var raw json.RawMessage
	if err := c.Call(ctx, "GET", "status", &raw); err != nil {
		return nil, nil, plain(c, err)
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, nil, fmt.Errorf("%s: answer not understood: %w", c.Name, err)
	}
	return &answer, raw, nil
}

// plain says in a line what to do about a call that failed.
func plain(c control.Client, err error) error {
	var refusal *control.Refusal
	switch {
	case errors.As(err, &refusal):
		return errors.New(clean(err.Error()))
	case control.Gone(err):
		return fmt.Errorf("%s does not run here (nobody answers on %s)", c.Name, c.Socket)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s may not be opened: only root and group %s may", c.Socket, control.Account)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer on %s", c.Name, c.Socket)
	}
	return err
}
