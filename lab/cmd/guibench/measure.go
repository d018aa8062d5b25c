package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// result is what was measured.
type result struct {
	loads   []time.Duration // sorted
	page    int             // bytes of the longest page, before it is compressed
	bytes   int64           // received for a page, with all that TLS and HTTP add, on average
	updates int             // that live pages got, all together
	largest int             // bytes of the largest of them
	start   int             // kB resident before anybody looks
	idle    int             // kB resident after the pages were loaded
	rss     int             // kB resident with the viewers, at most
}

func (f *benchFlags) measure(g *gui) (r result, err error) {
	if r.start, err = g.resident(); err != nil {
		return r, err
	}
	page, err := g.load() // connects
	if err != nil {
		return r, err
	}
	before := g.read.Load()
	for range f.loads {
		if page, err = g.load(); err != nil {
			return r, err
		}
		r.loads, r.page = append(r.loads, page.took), max(r.page, page.size)
	}
	r.bytes = (g.read.Load() - before) / int64(f.loads)
	slices.Sort(r.loads)
	if want := f.virtual * f.real; page.servers < want {
		return r, fmt.Errorf("the page has %d real servers, want %d", page.servers, want)
	}
	if r.idle, err = g.resident(); err != nil {
		return r, err
	}
	return r, f.watch(g, &r)
}

// loaded is what a page had.
type loaded struct {
	took    time.Duration // until its last byte was there, still compressed
	size    int           // uncompressed
	servers int
	stream  string // where its updates are
}

var (
	ofStream = regexp.MustCompile(`data-kind="([0-9a-f]+)" data-state="([0-9a-f]+)"`)
	ofServer = regexp.MustCompile(`href="/server\?`)
)

// load loads the page.
func (g *gui) load() (l loaded, err error) {
	r, err := http.NewRequest(http.MethodGet, g.url+"/control", nil)
	if err != nil {
		return l, err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	began := time.Now()
	resp, err := g.client.Do(r)
	if err != nil {
		return l, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
		return l, fmt.Errorf("/control: %s, %q", resp.Status, resp.Header.Get("Content-Encoding"))
	}
	zipped, err := io.ReadAll(resp.Body)
	if err != nil {
		return l, err
	}
	l.took = time.Since(began)
	unzip, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return l, err
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		return l, err
	}
	l.size, l.servers = len(text), len(ofServer.FindAllIndex(text, -1))
	if m := ofStream.FindSubmatch(text); m != nil {
		l.stream = fmt.Sprintf("/control/live?rate=2&kind=%s&state=%s", m[1], m[2])
	}
	return l, nil
}

// watch keeps many pages live, and looks how large their updates are and how much memory that takes.
func (f *benchFlags) watch(g *gui, r *result) error {
	ctx, cancel := context.WithTimeout(context.Background(), f.time)
	defer cancel()
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for range f.viewers {
		wg.Go(func() {
			err := g.view(ctx, func(size int) {
				mu.Lock()
				defer mu.Unlock()
				r.updates, r.largest = r.updates+1, max(r.largest, size)
			})
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	for tick := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		rss, err := g.resident()
		if err != nil {
			errs = append(errs, err)
			break
		}
		r.rss = max(r.rss, rss)
	}
	wg.Wait()
	if least := f.viewers * int(f.time/(4*time.Second)); len(errs) == f.viewers && r.updates < least {
		errs = append(errs, fmt.Errorf("%d updates, want %d", r.updates, least))
	}
	return errors.Join(errs...)
}

// view is a browser whose page is live until ctx is done. A stream that says that the page must be loaded again is not followed:
// it is loaded again.
func (g *gui) view(ctx context.Context, update func(size int)) error {
	viewer := &gui{url: g.url, client: g.browser(g.client.Jar)}
	defer viewer.client.CloseIdleConnections()
	for ctx.Err() == nil {
		page, err := viewer.load()
		if err != nil {
			return err
		}
		if err := viewer.stream(ctx, page.stream, update); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// stream reads the updates of a page until it must be loaded again.
func (g *gui) stream(ctx context.Context, path string, update func(size int)) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := g.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if text == `{"all":true}` {
			return nil
		}
		update(len(text))
	}
	return lines.Err()
}

// percentile of sorted times.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// section is the part of doc/benchmarks.md.
func (f *benchFlags) section(r result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## CONTROL/MONITORING\n\n")
	fmt.Fprintf(&b, "piranha-gui with %d virtual servers of %d real servers, natively, by TLS on loopback; what the daemons answer changes each second, in\n", f.virtual, f.real)
	fmt.Fprintf(&b, "all figures, and every ten seconds a server dies or comes back. The page was loaded %d times, one after the other, from the request to\n", f.loads)
	fmt.Fprintf(&b, "its last byte; then %d pages were live for %v, with the shortest interval.\n\n", f.viewers, f.time)
	fmt.Fprintf(&b, "| Figure | Measured | Bar |\n|---|---:|---:|\n")
	row := func(name, measured, bar string, held bool) {
		verdict := "held"
		if !held {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s: %s |\n", name, measured, bar, verdict)
	}
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
	p99 := percentile(r.loads, 99)
	row("page, p99", ms(p99), ms(mostPage), p99 <= mostPage)
	row("page, received", fmt.Sprintf("%d bytes", r.bytes), fmt.Sprintf("%d bytes", mostBytes), r.bytes <= mostBytes)
	row("largest update", fmt.Sprintf("%d bytes", r.largest), fmt.Sprintf("%d bytes", mostUpdate), r.largest <= mostUpdate)
	row(fmt.Sprintf("resident with %d viewers", f.viewers), fmt.Sprintf("%d kB", r.rss), fmt.Sprintf("%d kB", mostRSS), r.rss <= mostRSS)
	fmt.Fprintf(&b, "\nMedian of the page %s, longest %s; %d bytes before compression. %d updates. Resident before anybody looked %d kB,\n",
		ms(percentile(r.loads, 50)), ms(r.loads[len(r.loads)-1]), r.page, r.updates, r.start)
	fmt.Fprintf(&b, "after the pages %d kB.\n", r.idle)
	return b.String()
}
