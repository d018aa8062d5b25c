package pulse

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/piranha-lvs/piranha/internal/election"
	"github.com/piranha-lvs/piranha/internal/vip"
)

// watchLinks has somebody look at the links until ctx ends, and tell the loop. That is always so: lvs.cf may turn monitor_links
// on later, and connection sync wants to know as well.
func (d *Daemon) watchLinks(ctx context.Context) {
	devices, err := d.channelDevices()
	if err != nil {
		d.log.Warn("links are not watched", "err", err.Error())
		return
	}
	d.running.Go(func() {
		if err := vip.WatchLinks(ctx, func() { d.lookAtLinks(devices) }); err != nil {
			d.log.Warn("links are not watched", "err", err.Error())
		}
	})
}

// channelDevices are the devices with our own addresses; the private one may be "".
func (d *Daemon) channelDevices() ([2]string, error) {
	own := d.cfg.Primary
	if d.role == election.Backup {
		own = d.cfg.Backup
	}
	present, err := d.service.links.List()
	if err != nil {
		return [2]string{}, err
	}
	device := func(a netip.Addr) string {
		for _, p := range present {
			if a.IsValid() && p.Addr == a {
				return p.Dev
			}
		}
		return ""
	}
	devices := [2]string{election.Public: device(own.Addr)}
	if own.Private != own.Addr {
		devices[election.Private] = device(own.Private)
	}
	if devices[election.Public] == "" {
		return devices, fmt.Errorf("no device has %s", own.Addr)
	}
	return devices, nil
}

// lookAtLinks looks at the links and brings what there is to tell to the loop.
func (d *Daemon) lookAtLinks(devices [2]string) {
	var lost [2]bool
	for i, dev := range devices {
		lost[i] = d.lost(dev)
	}
	d.do(func() { d.linksAre(lost) })
}

// lost tells whether a device is down, has no link, or is gone.
func (d *Daemon) lost(dev string) bool {
	if dev == "" {
		return false
	}
	up, err := d.service.links.Running(dev)
	return err != nil || !up
}

// linksAre tells the election which links changed, if lvs.cf wants them to count.
func (d *Daemon) linksAre(lost [2]bool) {
	d.tell(linkNews(d.links, lost)...)
	d.links = lost
	if !d.cfg.MonitorLinks {
		return
	}
	for _, c := range [...]election.Channel{election.Public, election.Private} {
		if lost[c] != d.toldLost[c] {
			d.toldLost[c] = lost[c]
			d.step(election.Link{Channel: c, Up: !lost[c]})
		}
	}
}
