package monitor

import (
	"context"
	"net/url"
	"time"
)

// actTime bounds a call that acts: lvsd answers when the kernel has taken the change.
const actTime = 10 * time.Second

// Pulse has pulse do something: reload, switchover, standby or resume.
func (s *Source) Pulse(ctx context.Context, call string) error { return s.pulse.act(ctx, call) }

// Lvsd has lvsd do something, such as drain?virtual=web&server=a.
func (s *Source) Lvsd(ctx context.Context, call string) error { return s.lvsd.act(ctx, call) }

// AskNow is Ask for somebody who waits for a change.
func (s *Source) AskNow(ctx context.Context) (Answer[PulseStatus], Answer[LvsdStatus]) {
	s.pulse.forget()
	s.lvsd.forget()
	return s.Ask(ctx)
}

func (a *asker[T]) act(ctx context.Context, call string) error {
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	defer a.forget()
	return a.client.Call(ctx, "POST", call, nil)
}

// forget has the next who asks ask the daemon.
func (a *asker[T]) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tried = time.Time{}
}

// Checks are the last ones of a real server, the oldest first.
func (s *Source) Checks(ctx context.Context, virtual, server string) ([]Check, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var list []struct {
		Results []Check `json:"results"`
	}
	query := url.Values{"virtual": {virtual}, "server": {server}}
	if err := s.lvsd.client.Call(ctx, "GET", "history?"+query.Encode(), &list); err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0].Results, nil
}
