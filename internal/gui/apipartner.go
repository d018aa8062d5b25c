package gui

import (
	"context"
	"errors"
	"net/http"

	"github.com/piranha-lvs/piranha/internal/gui/api"
)

// apiPartner answers with what the page about the other router shows.
func (s *Server) apiPartner(w http.ResponseWriter, r *http.Request) {
	v := s.otherView(r)
	answer := api.Partner{Host: v.Other, Problem: v.Unfit, Key: v.Key, Routers: []api.Router{}}
	for _, n := range v.Nodes {
		answer.Routers = append(answer.Routers, api.RouterOf(n))
	}
	if v.Known != "" {
		answer.HostKey = v.Known.Fingerprint()
	}
	s.tell(w, r, answer)
}

// apiCompare fetches the other router's lvs.cf.
func (s *Server) apiCompare(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), otherTime)
	defer cancel()
	c, err := s.compareOther(ctx)
	s.tellComparison(w, r, c, err)
}

// apiCopy copies lvs.cf to the other router.
func (s *Server) apiCopy(w http.ResponseWriter, r *http.Request) {
	var request api.Copy
	if !s.decode(w, r, &request) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), otherTime)
	defer cancel()
	c, err := s.copyToOther(r.WithContext(ctx), request.Here, request.There)
	s.tellComparison(w, r, c, err)
}

func (s *Server) tellComparison(w http.ResponseWriter, r *http.Request, c comparison, err error) {
	var refused *refusedDraft
	if errors.As(err, &refused) {
		s.programRefused(w, r, err)
		return
	}
	if err != nil {
		status, text := otherProblem(err)
		s.refuse(w, r, status, text)
		return
	}
	answer := api.Comparison{
		Here: c.Here, There: c.There, SerialHere: c.SerialHere, SerialThere: c.SerialThere, Missing: c.Missing,
		Diff: api.DiffOf(c.there.Text, c.here, "lvs.cf (the other router's)", "lvs.cf"),
	}
	if c.Unread != "" {
		answer.Notice = "The other router was not told to read it: " + c.Unread + "."
	}
	s.tell(w, r, answer)
}
