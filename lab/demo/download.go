package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

// A download is one request that takes several seconds: a connection for a router to die under.
const (
	downloadKiB  = 160
	downloadStep = 40 * time.Millisecond // for each KiB
)

type download struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when result is there

	mu     sync.Mutex
	port   int // the client's, 0 as long as there is no connection
	result client.Result
}

// startDownload starts one, which ends by itself, by stop, or with ctx.
func startDownload(ctx context.Context, from *topology.Node) *download {
	ctx, cancel := context.WithCancel(ctx)
	d := &download{cancel: cancel, done: make(chan struct{})}
	loop := client.Loop{
		URL:     fmt.Sprintf("http://%s/slow?bytes=%d&delay=%v", topology.VIP, downloadKiB<<10, downloadStep),
		Count:   1,
		Timeout: patience,
		Each:    d.end,
		// Bound to ctx: a request of the loop has a time limit alone.
		Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
			conn, err := from.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { conn.Close() })
			d.begin(conn.LocalAddr().String())
			return conn, nil
		},
	}
	go func() {
		defer close(d.done)
		_, _ = loop.Run(ctx) // end has seen its result
	}()
	return d
}

func (d *download) begin(local string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if addr, err := netip.ParseAddrPort(local); err == nil {
		d.port = int(addr.Port())
	}
}

func (d *download) end(r client.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.result = r
}

// stop ends it.
func (d *download) stop() {
	d.cancel()
	<-d.done
}

// known returns nil if a router's kernel knows of the connection.
func (d *download) known(r *router) error {
	d.mu.Lock()
	port := d.port
	d.mu.Unlock()
	if port == 0 {
		return fmt.Errorf("the download has no connection")
	}
	known, err := r.knows(port)
	if err == nil && !known {
		err = fmt.Errorf("the kernel of %s does not know of the client's connection from port %d", r.name(), port)
	}
	return err
}

// finished waits for its end and returns the result, which is a good one.
func (d *download) finished(ctx context.Context) (client.Result, error) {
	select {
	case <-ctx.Done():
		return client.Result{}, ctx.Err()
	case <-d.done:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.result.Err != nil || d.result.Bytes != downloadKiB<<10 {
		return d.result, fmt.Errorf("download: %d of %d bytes: %w", d.result.Bytes, downloadKiB<<10, d.result.Err)
	}
	return d.result, nil
}
