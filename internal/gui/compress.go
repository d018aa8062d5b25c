package gui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
)

// minCompress is the size from which compressing a page is worth it, in bytes.
const minCompress = 2048

// presses make pages, each one at a time, in memory that the next page uses again: a page of many servers takes megabytes until it
// is packed. There are as many as processors; more would make no page sooner.
type presses chan *press

type press struct {
	html, packed bytes.Buffer
	zip          *gzip.Writer
}

func newPresses() presses {
	n := runtime.GOMAXPROCS(0)
	p := make(presses, n)
	for range n {
		p <- nil // made when it is needed
	}
	return p
}

// make returns the bytes of a page, and whether they are packed: if the browser can unpack them, and it is worth it. There are no
// secrets in pages that their size could give away: forms need no token.
func (p presses) make(pack bool, write func(io.Writer) error) (page []byte, packed bool, err error) {
	m := <-p
	if m == nil {
		m = new(press)
	}
	defer func() { p <- m }()
	m.html.Reset()
	if err := write(&m.html); err != nil {
		return nil, false, err
	}
	if !pack || m.html.Len() < minCompress {
		return bytes.Clone(m.html.Bytes()), false, nil
	}
	if err := m.pack(m.html.Bytes()); err != nil {
		return nil, false, err
	}
	return bytes.Clone(m.packed.Bytes()), true, nil
}

func (m *press) pack(html []byte) (err error) {
	m.packed.Reset()
	if m.zip == nil {
		if m.zip, err = gzip.NewWriterLevel(&m.packed, gzip.BestSpeed); err != nil {
			return err
		}
	}
	m.zip.Reset(&m.packed)
	if _, err := m.zip.Write(html); err != nil {
		return err
	}
	return m.zip.Close()
}

// compress packs an answer for a program that can unpack it.
func compress(h http.Header, r *http.Request, body []byte) []byte {
	h.Add("Vary", "Accept-Encoding")
	var m press
	if len(body) < minCompress || !acceptsGzip(r.Header.Get("Accept-Encoding")) || m.pack(body) != nil {
		return body
	}
	h.Set("Content-Encoding", "gzip")
	return m.packed.Bytes()
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(quality), "q="), "0.") != "" || quality == ""
		}
	}
	return false
}
