package main

import (
	"github.com/piranha-lvs/piranha/internal/checks"
	"github.com/piranha-lvs/piranha/internal/nanny"
)

// check prepares the check that the options ask for, of a kind that is not the small nanny's. It may take an interval.
func check(o *nanny.Options) (nanny.Heavy, error) {
	kind, _ := checks.ParseKind(o.Check.String()) // New refuses an unknown one
	s := checks.Spec{
		Kind: kind, Addr: o.Checked(), Source: o.CheckSource, UDP: o.UsesUDP(),
		Host: o.CheckHost, Path: o.CheckPath, Body: o.CheckBody, Verify: o.CheckVerify, Timeout: o.Interval,
	}
	var err error
	if o.CheckStatus != "" {
		if s.Status, err = checks.ParseStatus(o.CheckStatus); err != nil {
			return nil, err
		}
	}
	if o.Regex && o.CheckBody != "" {
		if s.Match, err = regex(o.CheckBody); err != nil {
			return nil, err
		}
	}
	return checks.New(s)
}
