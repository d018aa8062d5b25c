package gui

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/piranha-lvs/piranha/web"
)

// staticFile is a file that does not change while the program runs.
type staticFile struct {
	kind string // Content-Type
	hash string
	data []byte
}

// loadStatic reads all of them. Only these can be asked for: no path leads anywhere else.
func loadStatic() (map[string]staticFile, error) {
	entries, err := fs.ReadDir(web.Files, "static")
	if err != nil {
		return nil, err
	}
	files := map[string]staticFile{}
	for _, e := range entries {
		data, err := fs.ReadFile(web.Files, "static/"+e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		files[e.Name()] = staticFile{kind: mime.TypeByExtension(path.Ext(e.Name())), hash: hex.EncodeToString(sum[:8]), data: data}
	}
	return files, nil
}

// staticFile serves a file. Pages ask for it with its hash, so that it need not be asked for again.
func (s *Server) staticFile(w http.ResponseWriter, r *http.Request) {
	f, ok := s.static[chi.URLParam(r, "name")]
	if !ok {
		s.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(f.data)))
	if r.URL.Query().Get("v") == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.data)
}
