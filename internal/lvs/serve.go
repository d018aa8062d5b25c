package lvs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/piranha-lvs/piranha/internal/control"
)

// callTime bounds how long a call may wait for the loop, which is busy while it writes a large table.
const callTime = 10 * time.Second

// Handler answers the calls of lvs.sock. Without a Meter there are no figures of traffic.
func (d *Daemon) Handler(m *Meter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", d.serveStatus(m, func(w http.ResponseWriter, s *Status) { control.Reply(w, http.StatusOK, s) }))
	mux.HandleFunc("GET /v1/metrics", d.serveStatus(m, replyMetrics))
	mux.HandleFunc("GET /v1/history", d.serveHistory)
	mux.HandleFunc("GET /v1/events", d.events.Handler())
	mux.HandleFunc("GET /v1/connections", d.serveConnections(openConnections))
	mux.HandleFunc("POST /v1/activate", control.Privileged(d.serveActive(true)))
	mux.HandleFunc("POST /v1/deactivate", control.Privileged(d.serveActive(false)))
	for _, verb := range []string{"drain", "maint", "ready", "weight"} {
		mux.HandleFunc("POST /v1/"+verb, control.Operated(d.serveOrder(verb)))
	}
	return mux
}

// serveStatus answers with the status, in the form that reply gives it.
func (d *Daemon) serveStatus(m *Meter, reply func(http.ResponseWriter, *Status)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		status, err := d.Status(ctx)
		if err != nil {
			control.Fail(w, http.StatusServiceUnavailable, "lvsd does not answer")
			return
		}
		status.measure(m, time.Now())
		reply(w, &status)
	}
}

// serveOrder answers for ?virtual=NAME&server=NAME, drain with &within=30s, weight with &weight=N.
func (d *Daemon) serveOrder(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o, err := ParseOrder(verb, r.FormValue("within"), r.FormValue("weight"))
		if err != nil {
			control.Fail(w, http.StatusBadRequest, err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		writes, err := d.Order(ctx, r.FormValue("virtual"), r.FormValue("server"), o)
		switch {
		case errors.Is(err, errNoServer):
			control.Fail(w, http.StatusNotFound, err.Error())
		case err != nil:
			control.Fail(w, http.StatusInternalServerError, err.Error())
		default:
			control.Reply(w, http.StatusOK, map[string]int{"writes": writes})
		}
	}
}

// serveHistory answers for ?virtual=NAME, and &server=NAME if only one is wanted.
func (d *Daemon) serveHistory(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), callTime)
	defer cancel()
	list, err := d.History(ctx, r.FormValue("virtual"), r.FormValue("server"))
	switch {
	case err != nil:
		control.Fail(w, http.StatusServiceUnavailable, "lvsd does not answer")
	case list == nil:
		control.Fail(w, http.StatusNotFound, "no active virtual server or real server of that name")
	default:
		control.Reply(w, http.StatusOK, list)
	}
}

func (d *Daemon) serveActive(active bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		writes, err := d.SetActive(ctx, active)
		if err != nil {
			control.Fail(w, http.StatusInternalServerError, err.Error())
			return
		}
		control.Reply(w, http.StatusOK, map[string]int{"writes": writes})
	}
}
