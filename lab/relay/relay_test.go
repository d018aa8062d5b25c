package relay

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"testing"
)

type pipes struct {
	*os.File
	w *os.File
}

func (p pipes) Write(b []byte) (int, error) { return p.w.Write(b) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestRelay: many connections at a time are carried over one line, each with what is sent and what comes back.
func TestRelay(t *testing.T) {
	echo := listen(t)
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	r1, w1, err1 := os.Pipe()
	r2, w2, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	served := make(chan error)
	go func() {
		served <- Serve(pipes{r1, w2}, func() (net.Conn, error) { return net.Dial("tcp", echo.Addr().String()) })
	}()
	outside := listen(t)
	go func() { _ = Forward(outside, pipes{r2, w1}) }()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			conn, err := net.Dial("tcp", outside.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			want := bytes.Repeat([]byte{byte(i), 0, '\n', 0xff}, 50_000)
			go func() { _, _ = conn.Write(want) }()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	w1.Close()
	if err := <-served; err != io.EOF {
		t.Errorf("Serve = %v", err)
	}
}
