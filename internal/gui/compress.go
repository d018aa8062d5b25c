package gui

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
)

// minCompress is the size from which compressing a page is worth it, in bytes.
const minCompress = 2048

// compress packs a page for a browser that can unpack it. There are no secrets in pages that their size could give away:
// forms need no token.
func compress(h http.Header, r *http.Request, html []byte) []byte {
	h.Add("Vary", "Accept-Encoding")
	if len(html) < minCompress || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return html
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return html
	}
	if _, err := z.Write(html); err != nil || z.Close() != nil {
		return html
	}
	h.Set("Content-Encoding", "gzip")
	return b.Bytes()
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
