package guest

import (
	"errors"
	"fmt"
	"os"
)

// ErrOutside reports that the process does not run inside lab run.
var ErrOutside = errors.New("needs a kernel with IPVS: run it through 'lab run --' (go test -exec 'lab run --')")

// Inside returns nil inside lab run with IPVS at hand, else the reason to skip a test.
func Inside() error {
	if Kernel() == "" {
		return ErrOutside
	}
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		return fmt.Errorf("%w: %w", ErrOutside, err)
	}
	return nil
}
