// Package client asks a virtual server for pages and keeps a record of every request. It judges nothing.
package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/lab/realserver"
)

// Loop says what to ask for, how often and how long. Each request has a connection of its own.
type Loop struct {
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	URL  string

	Rate     float64       // requests started per second, whether or not earlier ones have ended; 0: one after the other
	Workers  int           // with Rate 0: how many ask at the same time; default 1
	Timeout  time.Duration // of one request; default 2s
	Count    int           // end after so many requests; 0: no limit
	Duration time.Duration // end after this time; 0: no limit but ctx

	Each   func(Result) // called with every result as it comes, one at a time; may be nil
	Forget bool         // keep no record but what Each makes of it: for a loop without an end
}

// maxOpen bounds the requests under way when a rate is given; beyond it a request is recorded as an error.
const maxOpen = 1024

// Result is one request.
type Result struct {
	At     time.Time // start
	Took   time.Duration
	Server string // name the server gave
	Bytes  int64  // length of the body
	Err    error
}

// Report is what a Loop saw, in the order of starting.
type Report struct {
	Results []Result
	Began   time.Time
	Took    time.Duration
}

// Run asks until a limit is reached and waits for the requests under way. At least one limit, or an end of ctx, is
// needed.
func (l Loop) Run(ctx context.Context) (Report, error) {
	target, err := url.Parse(l.URL)
	if err != nil {
		return Report{}, fmt.Errorf("parse address of server: %w", err)
	}
	if target.Port() == "" {
		target.Host = net.JoinHostPort(target.Hostname(), "80")
	}
	if l.Dial == nil {
		l.Dial = new(net.Dialer).DialContext
	}
	if l.Timeout == 0 {
		l.Timeout = 2 * time.Second
	}
	if l.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.Duration)
		defer cancel()
	}
	rec := &recorder{began: time.Now(), each: l.Each, forget: l.Forget}
	if l.Rate > 0 {
		l.open(ctx, target, rec)
	} else {
		l.closed(ctx, target, rec)
	}
	sort.SliceStable(rec.results, func(i, j int) bool { return rec.results[i].At.Before(rec.results[j].At) })
	return Report{Results: rec.results, Began: rec.began, Took: time.Since(rec.began)}, nil
}

type recorder struct {
	mu      sync.Mutex
	began   time.Time
	results []Result
	each    func(Result)
	forget  bool
}

func (r *recorder) add(res Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forget {
		r.results = append(r.results, res)
	}
	if r.each != nil {
		r.each(res)
	}
}

// open starts requests at a fixed rate: a server that hangs does not slow the others down.
func (l Loop) open(ctx context.Context, target *url.URL, rec *recorder) {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / l.Rate))
	defer ticker.Stop()
	slots := make(chan struct{}, maxOpen)
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 0; l.Count == 0 || n < l.Count; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				rec.add(l.ask(target))
				<-slots
			})
		default:
			rec.add(Result{At: time.Now(), Err: fmt.Errorf("not sent: %d requests under way", maxOpen)})
		}
	}
}

// closed has each worker ask one request after the other.
func (l Loop) closed(ctx context.Context, target *url.URL, rec *recorder) {
	var (
		mu   sync.Mutex
		sent int
		wg   sync.WaitGroup
	)
	next := func() bool {
		mu.Lock()
		defer mu.Unlock()
		sent++
		return ctx.Err() == nil && (l.Count == 0 || sent <= l.Count)
	}
	for range max(l.Workers, 1) {
		wg.Go(func() {
			for next() {
				rec.add(l.ask(target))
			}
		})
	}
	wg.Wait()
}

// ask makes one request. The loop's end does not cut it short: only its own time limit does.
func (l Loop) ask(target *url.URL) (res Result) {
	res.At = time.Now()
	defer func() { res.Took = time.Since(res.At) }()
	ctx, cancel := context.WithTimeout(context.Background(), l.Timeout)
	defer cancel()
	conn, err := l.Dial(ctx, "tcp", target.Host)
	if err != nil {
		res.Err = fmt.Errorf("connect: %w", err)
		return res
	}
	defer conn.Close()
	if err := conn.SetDeadline(res.At.Add(l.Timeout)); err != nil {
		res.Err = fmt.Errorf("set deadline: %w", err)
		return res
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target.RequestURI(), target.Host)
	if err != nil {
		res.Err = fmt.Errorf("send: %w", err)
		return res
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		res.Err = fmt.Errorf("receive: %w", err)
		return res
	}
	defer resp.Body.Close()
	res.Server = resp.Header.Get(realserver.Header)
	res.Bytes, err = io.Copy(io.Discard, resp.Body)
	switch {
	case err != nil:
		res.Err = fmt.Errorf("receive body: %w", err)
	case resp.StatusCode != http.StatusOK:
		res.Err = errors.New(resp.Status)
	}
	return res
}

// PerServer counts the good answers of each server.
func (r Report) PerServer() map[string]int {
	counts := map[string]int{}
	for _, res := range r.Results {
		if res.Err == nil {
			counts[res.Server]++
		}
	}
	return counts
}

// Errors returns the requests that failed.
func (r Report) Errors() []Result {
	var failed []Result
	for _, res := range r.Results {
		if res.Err != nil {
			failed = append(failed, res)
		}
	}
	return failed
}

// Outage returns the longest time between the starts of two requests in a row, all of which failed in between, that
// is: from the last good one before to the first good one after. Without failures it is 0.
func (r Report) Outage() time.Duration {
	var longest time.Duration
	last, failed := r.Began, false
	for _, res := range r.Results {
		if res.Err != nil {
			failed = true
			continue
		}
		if failed {
			longest = max(longest, res.At.Sub(last))
		}
		last, failed = res.At, false
	}
	if failed {
		longest = max(longest, r.Began.Add(r.Took).Sub(last))
	}
	return longest
}

// String sums the report up, with at most ten errors.
func (r Report) String() string {
	var b strings.Builder
	failed := r.Errors()
	fmt.Fprintf(&b, "%d requests in %.2fs, %d failed, longest outage %v; per server %v",
		len(r.Results), r.Took.Seconds(), len(failed), r.Outage().Round(time.Millisecond), r.PerServer())
	for i, res := range failed {
		if i == 10 {
			fmt.Fprintf(&b, "\n  … %d more", len(failed)-i)
			break
		}
		fmt.Fprintf(&b, "\n  +%.3fs after %v: %v", res.At.Sub(r.Began).Seconds(), res.Took.Round(time.Millisecond), res.Err)
	}
	return b.String()
}
