package control

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answerTime bounds how long a call may take, from its first byte to the last of its answer.
const answerTime = 30 * time.Second

// maxBody bounds what a caller may send beside the headers, in bytes. No call needs any.
const maxBody = 4 << 10

// Serve answers calls on l until ctx is done.
func Serve(ctx context.Context, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
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
