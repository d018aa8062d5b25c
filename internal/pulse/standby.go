package pulse

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// standbyFile is there while an operator wants this router not to serve, so that a restart does not end that.
func (d *Daemon) standbyFile() string { return filepath.Join(d.opt.StateDir, "standby") }

// wasStandby tells whether an operator has left this router on standby.
func (d *Daemon) wasStandby() bool {
	if d.opt.ForceActive || d.opt.StateDir == "" || !d.cfg.BackupActive {
		return false
	}
	_, err := os.Lstat(d.standbyFile())
	if err != nil {
		return false
	}
	d.log.Info("on standby, as an operator left it: piranhactl resume ends that")
	return true
}

// keepStandby notes what the operator wants. What cannot be noted holds until pulse ends.
func (d *Daemon) keepStandby() {
	var err error
	if d.state.Standby {
		var f *os.File
		if f, err = os.OpenFile(d.standbyFile(), os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o644); err == nil {
			err = f.Close()
		}
	} else if err = os.Remove(d.standbyFile()); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		d.log.Warn("standby is not noted: a restart of pulse forgets it", "err", err.Error())
	}
}
