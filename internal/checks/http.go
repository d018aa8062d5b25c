package checks

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/piranha-lvs/piranha/internal/probe"
)

// How much of a response is read at most, in bytes.
const (
	maxHeader = 64 << 10
	maxBody   = 64 << 10
	maxWire   = 2 * maxBody // of a body with what encloses its chunks
)

const headerPhase = "HTTP header"

var errHeaderLong = fail(kindTooLong, "HTTP header is longer than %d KiB", maxHeader>>10)

// readers holds the buffered readers no attempt uses, all of the same size. What waits for a server that says nothing costs the
// more the larger that is.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

func borrowReader(r io.Reader) (*bufio.Reader, func()) {
	br := readers.Get().(*bufio.Reader)
	br.Reset(r)
	return br, func() {
		br.Reset(nil)
		readers.Put(br)
	}
}

// request is what is sent to an HTTP server: one request on a connection of its own, which the server ends.
func (s *Spec) request() string {
	return "GET " + s.Path + " HTTP/1.1\r\n" +
		"Host: " + s.hostHeader() + "\r\n" +
		"User-Agent: piranha\r\n" +
		"Accept: */*\r\n" +
		"Connection: close\r\n\r\n"
}

func (s *Spec) hostHeader() string {
	switch {
	case s.Host != "":
		return s.Host
	case s.Kind == HTTP && s.Addr.Port() == 80, s.Kind == HTTPS && s.Addr.Port() == 443:
		if s.Addr.Addr().Is6() {
			return "[" + s.Addr.Addr().String() + "]"
		}
		return s.Addr.Addr().String()
	}
	return s.Addr.String()
}

// hostName is Host without a port; "" if there is none.
func (s *Spec) hostName() string {
	name := s.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	return strings.Trim(name, "[]")
}

// http asks for the page. All of it must come in time, up to 64 KiB: a server that stops within a page does not work.
func (a *attempt) http() error {
	// A server may have said why before it stopped listening.
	before := a.conn.got
	_, unsent := io.WriteString(a.peer, a.request)
	if unsent != nil && isTimeout(unsent) {
		return a.broken("HTTP request", unsent)
	}
	from := &bounded{r: a.peer, left: maxHeader}
	br, giveBack := borrowReader(from)
	defer giveBack()
	resp, err := a.readHeader(br, from)
	switch {
	case err != nil && unsent != nil && a.conn.got == before:
		return a.broken("HTTP request", unsent) // and without a word why
	case err != nil:
		return err
	}
	a.say("GET %s: %s", a.spec.Path, statusText(resp))
	if to := resp.Header.Get("Location"); to != "" {
		a.say("redirected to %s, which is not followed", to)
	}
	if !a.spec.Status.Has(resp.StatusCode) {
		return fail(resp.StatusCode, "status %s, expected %s", statusText(resp), a.spec.Status)
	}
	from.left = maxWire
	return a.judgeBody(resp.Body, from)
}

// readHeader reads the header of the response, after those that only tell to wait.
func (a *attempt) readHeader(br *bufio.Reader, from *bounded) (*http.Response, error) {
	for {
		if err := a.expectHTTP(br, from); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(br, nil)
		switch {
		case err != nil && from.left <= 0:
			return nil, errHeaderLong
		case err != nil && from.err != nil:
			return nil, a.broken(headerPhase, from.err)
		case err != nil:
			return nil, a.broken(headerPhase, err)
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			return resp, nil
		}
	}
}

// expectHTTP decides with as few bytes as it takes that a server speaks another protocol.
func (a *attempt) expectHTTP(br *bufio.Reader, from *bounded) error {
	const want = "HTTP/"
	for i := range len(want) {
		got, err := br.Peek(i + 1)
		switch {
		case err != nil && from.left <= 0:
			return errHeaderLong
		case err != nil:
			return a.broken(headerPhase, err)
		}
		if got[i] != want[i] {
			got, _ = br.Peek(br.Buffered())
			return fail(kindProtocol, "expected HTTP, got %s", probe.Quote(got))
		}
	}
	return nil
}

// statusText is the status with its words, those of the server if it has some.
func statusText(r *http.Response) string {
	_, words, _ := strings.Cut(r.Status, " ")
	if words = strings.TrimSpace(words); words == "" {
		words = http.StatusText(r.StatusCode)
	}
	if len(words) > 60 {
		words = words[:60] + "..."
	}
	return strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + words)
}

func (a *attempt) judgeBody(body io.Reader, from *bounded) error {
	wanted := a.spec.Match != nil || a.spec.Body != ""
	var text bytes.Buffer
	sink := io.Discard
	if wanted {
		sink = &text
	}
	n, err := io.Copy(sink, io.LimitReader(body, maxBody))
	if err != nil && from.left > 0 {
		return a.broken("HTTP body", err)
	}
	if !wanted {
		a.say("body: %d bytes", n)
		return nil
	}
	found, verb := false, "contain"
	if a.spec.Match != nil {
		found, verb = a.spec.Match(text.Bytes()), "match"
	} else {
		found = bytes.Contains(text.Bytes(), []byte(a.spec.Body))
	}
	want := probe.Quote([]byte(a.spec.Body))
	if !found {
		return fail(kindBody, "body of %d bytes does not %s %s, begins with %s", n, verb, want, probe.Quote(text.Bytes()))
	}
	if verb == "match" {
		a.say("body: %d bytes, matches %s", n, want)
	} else {
		a.say("body: %d bytes, contains %s", n, want)
	}
	return nil
}
