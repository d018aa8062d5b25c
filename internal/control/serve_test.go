package control

import (
	"bytes"
	"context"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// TestBodyIsBounded: no call has a body, and a caller who sends one all the same, as a form with a file, fills neither memory nor
// disk with it.
func TestBodyIsBounded(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.FormValue("last")
			files, err := os.ReadDir(temp)
			if err != nil {
				t.Error(err)
			}
			left <- len(files)
		}))
		close(served)
	}()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "name")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 48<<20)); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lvsd/v1/events", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	if resp, err := client.Do(req); err == nil { // it may be cut off while it sends
		resp.Body.Close()
	}
	if n := <-left; n != 0 {
		t.Errorf("%d files in %s", n, temp)
	}
	cancel()
	<-served
}
