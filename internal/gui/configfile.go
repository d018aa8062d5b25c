package gui

import (
	"sync"
	"time"

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
}

// current is the meaning of the file as it stands. Host names in it are not looked up.
func (c *configFile) current() (*lvscf.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp := fileStamp(c.path)
	if stamp == c.stamp && (c.cfg != nil || c.err != nil) {
		return c.cfg, c.err
	}
	c.cfg, c.stamp = nil, stamp
	d, err := lvscf.ReadFile(c.path)
	if c.err = err; err != nil {
		return nil, err
	}
	services := lvscf.SystemLookup(lookupTime).Service
	c.cfg, _ = d.Config(lvscf.Lookup{Service: services})
	return c.cfg, nil
}
