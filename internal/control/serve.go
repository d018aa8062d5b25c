package control

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

// answerTime bounds how long a call may take, from its first byte to the last of its answer.
const answerTime = 30 * time.Second

// Serve answers calls on l until ctx is done.
func Serve(ctx context.Context, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ConnContext:       withCaller,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      answerTime,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	_ = server.Serve(l) // ends with the listener
}

// Privileged guards a call that acts: it is for root and for the user the daemon runs as, as the kernel tells of the
// caller. Who may read is up to the socket's mode.
func Privileged(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		uid, known := r.Context().Value(callerKey{}).(uint32)
		if !known || uid != 0 && int(uid) != os.Geteuid() {
			Fail(w, http.StatusForbidden, "only root may do that")
			return
		}
		h(w, r)
	}
}

// Fail answers a call with an error.
func Fail(w http.ResponseWriter, code int, text string) {
	Reply(w, code, map[string]string{"error": text})
}

// Reply answers a call.
func Reply(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = w.Write(text) // a caller that has gone is no concern of ours
}

// callerKey is where a request's context keeps the uid of the process that called.
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
	err = raw.Control(func(fd uintptr) { cred, _ = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || cred == nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, cred.Uid)
}
