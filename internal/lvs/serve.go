package lvs

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// callTime bounds how long a call may wait for the loop, which is busy while it writes a large table.
const callTime = 10 * time.Second

// Handler answers the calls of lvs.sock. Who may read is up to the socket's mode; the calls that act are for root and for
// the user lvsd runs as.
func (d *Daemon) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		status, err := d.Status(ctx)
		if err != nil {
			fail(w, http.StatusServiceUnavailable, "lvsd does not answer")
			return
		}
		reply(w, http.StatusOK, status)
	})
	mux.HandleFunc("POST /v1/activate", func(w http.ResponseWriter, r *http.Request) { d.serveActive(w, r, true) })
	mux.HandleFunc("POST /v1/deactivate", func(w http.ResponseWriter, r *http.Request) { d.serveActive(w, r, false) })
	return mux
}

func (d *Daemon) serveActive(w http.ResponseWriter, r *http.Request, active bool) {
	if uid, known := r.Context().Value(callerKey{}).(uint32); !known || uid != 0 && int(uid) != os.Geteuid() {
		fail(w, http.StatusForbidden, "only root may do that")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTime)
	defer cancel()
	writes, err := d.SetActive(ctx, active)
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	reply(w, http.StatusOK, map[string]int{"writes": writes})
}

func fail(w http.ResponseWriter, code int, text string) {
	reply(w, code, map[string]string{"error": text})
}

func reply(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = w.Write(text) // a caller that has gone is no concern of ours
}

// callerKey is where a request's context keeps the uid of the process that called, as the kernel tells it.
type callerKey struct{}

func withCaller(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, cred.Uid)
}

// Serve answers calls on l until ctx is done.
func (d *Daemon) Serve(ctx context.Context, l net.Listener) {
	server := &http.Server{
		Handler:           d.Handler(),
		ConnContext:       withCaller,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * callTime,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_ = server.Serve(l) // ends with the listener
}
