package pulse

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/piranha-lvs/piranha/internal/heartbeat"
	"github.com/piranha-lvs/piranha/internal/lvscf"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// Configuration is an lvs.cf without mistakes, and what follows from it.
type Configuration struct {
	*lvscf.Config
	digest [32]byte
	wanted []vip.Address
	key    *heartbeat.Key

	undefinedBackup bool // backup_active = 1 and no backup: taken for 0
}

// lookupTime bounds the search for each host name in lvs.cf.
const lookupTime = 5 * time.Second

// Load reads lvs.cf and the key it names. The error's first line is the original's; all mistakes of the file are on the lines below.
func Load(path string) (*Configuration, error) {
	doc, err := lvscf.ReadFile(path)
	var refused lvscf.Findings
	var cannot *fs.PathError
	switch {
	case errors.As(err, &refused):
		return nil, parseError(path, refused)
	case errors.As(err, &cannot):
		return nil, fmt.Errorf("failed to open %s: %w", path, cannot.Err)
	case err != nil:
		return nil, fmt.Errorf("failed to open %s: %w", path, err)
	}
	cfg, findings := doc.Config(lvscf.SystemLookup(lookupTime))
	if errs := findings.Errors(); len(errs) > 0 {
		return nil, parseError(path, errs)
	}
	c := &Configuration{Config: cfg, digest: doc.Digest()}
	for _, f := range findings {
		c.undefinedBackup = c.undefinedBackup || f.Key == "backup_active" && !cfg.Backup.Addr.IsValid()
	}
	if c.wanted, err = addresses(cfg); err != nil {
		return nil, err
	}
	if c.key, err = readKey(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

func parseError(path string, errs lvscf.Findings) error {
	return fmt.Errorf("error parsing %s at line %d: %s\n%w", path, errs[0].Line, errs[0].Text, errs)
}

// served is the original's refusal to begin without anything to serve.
func served(cfg *lvscf.Config, path string) error {
	if cfg.Service == lvscf.FOS {
		return errors.New("service = fos is not supported: " + path)
	}
	for i := range cfg.Virtual {
		if cfg.Virtual[i].Enabled {
			return nil
		}
	}
	return errors.New("no active lvs services defined in " + path)
}
