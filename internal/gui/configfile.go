package gui

import (
	"sync"
	"time"

	"github.com/piranha-lvs/piranha/internal/gui/changes"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// lookupTime is how long the names in lvs.cf may take to be found when a form is checked.
const lookupTime = 3 * time.Second

// configFile is lvs.cf, for pages that only show what it says. It is read again when it has changed.
type configFile struct {
	path string

	mu    sync.Mutex
	stamp string
	cfg   *lvscf.Config
	err   error
	text  string // its sum; "": it cannot be read
}

// current is the meaning of the file as it stands. Host names in it are not looked up.
func (c *configFile) current() (*lvscf.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	return c.cfg, c.err
}

// sum names the text of the file; "": it cannot be read.
func (c *configFile) sum() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	return c.text
}

// read reads the file if it has changed.
func (c *configFile) read() {
	stamp := fileStamp(c.path)
	if stamp == c.stamp && (c.cfg != nil || c.err != nil) {
		return
	}
	c.cfg, c.stamp, c.text = nil, stamp, ""
	d, err := lvscf.ReadFile(c.path)
	if c.err = err; err != nil {
		return
	}
	c.text = changes.Sum(d.Bytes())
	services := lvscf.SystemLookup(lookupTime).Service
	c.cfg, _ = d.Config(lvscf.Lookup{Service: services})
}
