package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// Reasons for which a line of the original never comes.
const (
	whyFOS     = "service = fos is refused"
	whySCSI    = "shared SCSI devices belong to service = fos"
	whyNetlink = "netlink does what the original's commands, ioctl calls and /proc/net/dev did"
	whyLoop    = "it tells of the inside of the original's loop"
	whyKernel  = "only a fault of the kernel brings it forth"
)

// originalLines are the lines of pulse in reference piranha-pulse.md section 7, %s being text and %d a number, with the
// reason why one never comes, or "".
func originalLines() map[string]string {
	lines := map[string]string{}
	for why, text := range map[string]string{
		"": `STARTING PULSE AS MASTER
			STARTING PULSE AS BACKUP
			We are backup node and backup is marked inactive -- exiting pulse
			Undefined backup node marked as active? -- clearing that!
			Terminating due to signal %d
			failed to open %s: %s
			Forced active on startup: activating lvs
			partner dead: activating lvs
			backup inactive: activating lvs
			primary inactive: activating lvs
			partner active: deactivating LVS
			partner active: resending arps
			local link failure: deactivating LVS
			PARTNER HAS TOLD US TO GO INACTIVE!
			Child process %d exited with status %d
			Child process %d terminated with signal %d
			gratuitous lvs arps finished
			Primary NIC: link down
			Private NIC: link down
			Local NIC link failure: Pulse disabled
			Local NIC link(s) restored: Pulse enabled
			bad heartbeat packet
			Incompatible heartbeat received -- other system not using identical services
			failed to bind to heartbeat address: %s
			Unexpected heartbeat from %s
			Warning -- failed to send heartbeat (public if): %s
			Warning -- failed to send heartbeat (private if): %s
			pulse: failed to open %s
			pulse: error parsing %s at line %d: %s
			pulse: no active lvs services defined in %s
			pulse: cannot create heartbeat socket. running as root?
			pulse: bad argument %s: %s
			pulse: unexpected arguments`,
		whyFOS: `Warning: FOS backup node not defined -- skipping checks
			Forced active on startup: activating fos
			partner dead: activating failover services
			backup inactive: activating fos
			primary inactive: activating fos
			partner active: deactivating FOS
			partner active
			partner active: we want control!
			local link failure: deactivating FOS
			Notifying partner WE are taking control!
			partner is alive
			Starting Failover Service Monitors
			fos process exited -- restarting it
			fos process exited -- checking network connectivity
			gratuitous fos arps finished
			Warning; skipping failover service
			remote service unavailable; gateway unavailable
			I SEEM TO HAVE A NETWORK FAULT!
			remote service unavailable but we can see the gateway
			seems like a remote network fault; performing service failover
			Network fault seems to be fixed
			pulse: no active fos services defined in %s`,
		whySCSI: `partner dead: reserving SCSI device
			Starting SCSI reservation tool
			Stopping SCSI reservation tool
			Releasing SCSI device
			Trying to get shared SCSI device
			We have the shared SCSI device now
			failed to reserve device; resetting SCSI bus and trying again
			reservation conflict: couldn't grab SCSI device!
			taking no action
			preempting the other node
			failed to preempt other node
			failed to preempt the other node; giving up
			reservation process exited abnormally; treating as failure
			reservation process couldn't get initial reservation.  Config error?
			unknown reserve state %d
			Couldn't execute "%s": %s`,
		whyNetlink: `failed to open /proc/net/dev!
			SIOCGIFADDR failed: %s
			SIOCGIFBRDADDR failed: %s
			SIOCGIFHWADDR failed: %s
			DEBUG -- Executing '%s'`,
		whyLoop: `Skipping death of unknown child %d
			DEBUG -- setting NEED_heartbeat timer
			DEBUG -- setting SEND_heartbeat timer
			DEBUG -- Sending heartbeat...
			DEBUG -- Received Heartbeat from partner
			select() failed: %s`,
		whyKernel: `Bad remote address size from recvfrom
			recvfrom() failed: %s
			failed to create UDP socket: %s`,
	} {
		for line := range strings.Lines(text) {
			lines[strings.TrimSpace(line)] = why
		}
	}
	return lines
}

// pattern is what a line of the log must match: the text, behind it details as key=value. What goes to standard error
// has the name of the program in its text.
func pattern(text string) *regexp.Regexp {
	p := regexp.QuoteMeta("pulse: " + strings.TrimPrefix(text, "pulse: "))
	p = strings.NewReplacer("%s", ".+", "%d", "[0-9]+").Replace(p)
	return regexp.MustCompile("^" + p + "( [a-z_]+=.*)?$")
}

// TestLogLines: what monitoring scripts wait for comes word for word, in the logs of real runs.
func TestLogLines(t *testing.T) {
	var said []string
	for name, scene := range map[string]func(*testing.T) []string{
		"links": linesOfLinks, "partition": linesOfPartition, "packets": linesOfPackets, "lvsd": linesOfLvsd,
		"starts": linesOfStarts, "pid file": linesOfPidFile,
	} {
		t.Run(name, func(t *testing.T) { said = append(said, scene(t)...) })
	}
	for text, why := range originalLines() {
		p, found := pattern(text), false
		for _, line := range said {
			found = found || p.MatchString(line)
		}
		switch {
		case why == "" && !found:
			t.Errorf("nobody said %q", text)
		case why != "" && found:
			t.Errorf("%q was said, although %s", text, why)
		}
	}
}

// logs are the lines of both routers.
func (p *pair) logs() (all []string) {
	for _, process := range p.pulse {
		if process != nil {
			all = append(all, process.Log()...)
		}
	}
	return all
}

// terminate ends router i's pulse in an orderly way.
func (p *pair) terminate(i int) {
	p.t.Helper()
	p.pulse[i-1].Signal(syscall.SIGTERM)
	if status := p.pulse[i-1].Wait(patience); status != 0 {
		p.t.Errorf("router%d: exit status %d", i, status)
	}
}

// do makes changes of the network.
func (p *pair) do(changes ...func() error) {
	p.t.Helper()
	for _, change := range changes {
		if err := change(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// linesOfLinks: links are lost and come back, and nothing can be sent where there is no device.
func linesOfLinks(t *testing.T) []string {
	p := newPair(t, pairConf(privateChannel+"monitor_links = 1"))
	p.startBoth("-v")
	router, log := p.net.Router(1), p.pulse[0]
	p.do(func() error { return router.Unplug("eth0") })
	log.WaitLog("Local NIC link failure: Pulse disabled", patience)
	log.WaitLog("local link failure: deactivating LVS", patience)
	p.wantHolding(2)
	p.do(func() error { return router.Plug("eth0") })
	log.WaitLog("Local NIC link(s) restored: Pulse enabled", patience)
	p.do(func() error { return router.Unplug("eth1") })
	log.WaitLog("Private NIC: link down", patience)
	p.do(func() error { return router.Plug("eth1") })
	log.WaitLog("Private NIC: link up", patience)
	p.wantActive(2)
	for _, way := range []struct{ dev, name string }{{"eth1", "private"}, {"eth0", "public"}} {
		p.do(func() error { return router.LinkDown(way.dev) })
		log.WaitLog("Warning -- failed to send heartbeat ("+way.name+" if): ", patience)
		log.Mark()
		p.do(func() error { return router.LinkUp(way.dev) })
	}
	log.WaitLog("Local NIC link(s) restored: Pulse enabled", patience)
	p.wantActive(2)
	p.terminate(2)
	p.wantHolding(1)
	p.terminate(1)
	return p.logs()
}

// linesOfPartition: both serve, and then one.
func linesOfPartition(t *testing.T) []string {
	p := newPair(t, pairConf(""))
	p.startBoth()
	p.cut(2)
	p.wantHolding(1, 2)
	p.heal(2)
	p.wantActive(1)
	p.pulse[0].WaitLog("gratuitous lvs arps finished", patience)
	p.switchover(1)
	p.wantActive(2)
	return p.logs()
}

// linesOfPackets: strange packets arrive.
func linesOfPackets(t *testing.T) []string {
	p := newPair(t, pairConf(""))
	p.start(1, "-v", "--forceactive")
	p.wantActiveAlone(1)
	partner := newForger(t, p.net.Client(), "192.0.2.2", "192.0.2.1")
	partner.send([]byte{1, 2, 3}, []byte{1, 2, 3, 4}, []byte(originalStopMe))
	newForger(t, p.net.Client(), topology.ClientAddr, "192.0.2.1").send([]byte(originalStopped))
	for _, line := range []string{"Unexpected heartbeat from " + topology.ClientAddr, "bad heartbeat packet", "Incompatible heartbeat", "PARTNER HAS TOLD US"} {
		p.pulse[0].WaitLog(line, patience)
	}
	return p.logs()
}

// linesOfLvsd: it is killed, and it ends by itself.
func linesOfLvsd(t *testing.T) []string {
	p := newPair(t, pairConf(""))
	p.start(1)
	p.wantActiveAlone(1)
	p.wantLvsd(1, true)
	if err := syscall.Kill(p.status(1).LvsdPid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.pulse[0].WaitLog("terminated with signal 9", patience)
	p.start(2, "--lvsd=/bin/false")
	p.pulse[1].WaitLog("exited with status 1", patience)
	return p.logs()
}

// linesOfStarts: pulse does not start.
func linesOfStarts(t *testing.T) (said []string) {
	p := newPair(t, strings.Replace(pairConf(""), "backup = 192.0.2.2\n", "", 1))
	p.start(1)
	p.pulse[0].WaitLog("STARTING PULSE", patience)
	said = p.logs()
	p.terminate(1)
	if err := os.WriteFile(filepath.Join(p.dirs[0], "lvs.cf"), []byte(pairConf("")), 0o644); err != nil {
		t.Fatal(err)
	}
	p.start(1)
	p.pulse[0].WaitLog("STARTING PULSE", patience)
	for _, tt := range []struct {
		node   int
		status int
		conf   string
		args   []string
	}{
		{1, 1, pairConf(""), nil}, // the address is taken
		{1, 1, "", nil},
		{1, 1, "primary = 192.0.2.1\n", nil},
		{1, 1, "primary 192.0.2.1\n", nil},
		{1, 1, pairConf(""), []string{"--no-such-option"}},
		{1, 1, pairConf(""), []string{"argument"}},
		{2, 255, strings.Replace(pairConf(""), "backup_active = 1", "backup_active = 0", 1), nil},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "lvs.cf")
		if tt.conf != "" {
			file = writeFile(t, "lvs.cf", tt.conf)
		}
		args := append([]string{"-n", "-c", file, "--run-dir=" + dir, "--state-dir=" + dir, "--lvsd=" + binary(t, "lvs")}, tt.args...)
		process := start(t, p.net.Router(tt.node), "pulse", args...)
		if status := process.Wait(patience); status != tt.status {
			t.Errorf("pulse %q: exit status %d, want %d", args, status, tt.status)
		}
		said = append(said, process.Log()...)
	}
	return append(said, p.logs()...)
}

// linesOfPidFile: a daemon that cannot write its pid file says so to the system logger, as pulse, facility daemon.
func linesOfPidFile(t *testing.T) []string {
	const socket = "/dev/log"
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("the machine's own kernel has a system logger: ", err)
	}
	t.Cleanup(func() { conn.Close(); os.Remove(socket) })
	p := newPair(t, strings.Replace(pairConf(""), "backup_active = 1", "backup_active = 0", 1))
	if err := os.Mkdir(filepath.Join(p.dirs[0], "pulse.pid"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := p.dirs[0]
	process := start(t, p.net.Router(1), "pulse", "--nofork", "-c", filepath.Join(dir, "lvs.cf"), "--run-dir="+dir, "--state-dir="+dir,
		"--lvsd="+binary(t, "lvs"), "--nanny="+binary(t, "nanny"))
	head := regexp.MustCompile(`^<(2[4-9]|30)>pulse\[[0-9]+\]: `) // facility daemon: 24 and a severity up to info
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var said []string
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("no line about the pid file: %v; %q", err, said)
		}
		text := string(buf[:n])
		if !head.MatchString(text) {
			continue // of lvsd, or a nanny
		}
		said = append(said, "pulse: "+head.ReplaceAllString(text, ""))
		if strings.Contains(text, "failed to open") {
			process.Signal(os.Interrupt)
			process.Wait(patience)
			return said
		}
	}
}
