package gui

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"slices"

	"github.com/piranha-lvs/piranha/internal/control"
	"github.com/piranha-lvs/piranha/internal/gui/token"
)

// maxMetrics is how much of lvsd's figures is passed on, in bytes: 100,000 real servers have less.
const maxMetrics = 64 << 20

// checkMetrics lets those pass who may have the figures: from the addresses of Options.MetricsAllow, or with a token.
func (s *Server) checkMetrics(next http.Handler) http.Handler {
	withToken := s.checkAddress(s.checkPassword(s.requireToken(token.Read)(next)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := clientAddr(r)
		if slices.ContainsFunc(s.opt.MetricsAllow, func(p netip.Prefix) bool { return p.Contains(address) }) {
			next.ServeHTTP(w, r)
			return
		}
		withToken.ServeHTTP(w, r)
	})
}

// metrics passes on what lvsd has for Prometheus and its like.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), writeTime)
	defer cancel()
	begun := false
	err := control.NewClient(s.opt.RunDir, "lvs", "lvsd").Stream(ctx, "metrics", func(body io.Reader) error {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		begun = true
		_, err := io.Copy(w, io.LimitReader(body, maxMetrics))
		return err
	})
	switch {
	case err == nil:
	case begun:
		panic(http.ErrAbortHandler) // half of it must not look like all
	case control.Gone(err):
		s.refuse(w, r, http.StatusServiceUnavailable, "lvsd does not run.")
	default:
		s.refuse(w, r, http.StatusBadGateway, sentence(err.Error()))
	}
}
