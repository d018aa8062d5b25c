package doctor

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// tree makes files below a new root.
func tree(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRead(t *testing.T) {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue\n"
	root := tree(t, map[string]string{
		"proc/sys/kernel/osrelease":                 "6.1.0-x\n",
		"proc/sys/net/ipv4/ip_forward":              "1\n",
		"proc/sys/net/ipv4/conf/eth0.100/rp_filter": "2\n",
		"proc/sys/net/ipv4/tcp_syncookies":          "1\n",
		"sys/module/ip_vs/refcnt":                   "1\n",
		"lib/modules/6.1.0-x/modules.builtin":       "kernel/net/netfilter/ipvs/ip_vs_wlc.ko\n",
		"lib/modules/6.1.0-x/modules.dep":           "kernel/net/netfilter/ipvs/ip_vs_mh.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz\n",
		"proc/net/tcp": heading + "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000\n" +
			"   1: 0100007F:0051 0100007F:C001 01 00000000:00000000\n",
		"proc/net/tcp6": heading + "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0\n" +
			"   1: 0000000000000000FFFF00000100007F:0019 00000000000000000000000000000000:0000 0A 0:0\n",
		"proc/net/udp6": heading + "   7: B80D0120000000000000000001000000:021B 00000000000000000000000000000000:0000 07 0:0\nnonsense\n   8: x:y z 07\n",
	})
	cfg := &lvscf.Config{Virtual: []lvscf.VirtualServer{{Scheduler: "wlc"}, {Scheduler: "mh"}, {Scheduler: "fo"}}}
	var f Facts
	f.read(root, cfg)
	want := map[string]string{"kernel/osrelease": "6.1.0-x", "net/ipv4/ip_forward": "1", "net/ipv4/conf/eth0.100/rp_filter": "2"}
	if !maps.Equal(f.Sysctl, want) {
		t.Errorf("settings %v, want %v", f.Sysctl, want)
	}
	if have := map[string]bool{"ip_vs": true, "ip_vs_wlc": true, "ip_vs_mh": true, "ip_vs_fo": false}; !maps.Equal(f.Modules.Present, have) || !f.Modules.Available {
		t.Errorf("modules %+v, want %v", f.Modules, have)
	}
	sockets := []Socket{
		{lvscf.TCP, netip.MustParseAddrPort("127.0.0.1:25")},
		{lvscf.TCP, netip.MustParseAddrPort("127.0.0.1:80")},
		{lvscf.TCP, netip.MustParseAddrPort("[::]:22")},
		{lvscf.UDP, netip.MustParseAddrPort("[2001:db8::1]:539")},
	}
	if !slices.Equal(f.Sockets, sockets) {
		t.Errorf("sockets %v, want %v", f.Sockets, sockets)
	}
}

// TestReadNothing: a machine that shows nothing is not known, and known to be nothing.
func TestReadNothing(t *testing.T) {
	var f Facts
	f.read(t.TempDir(), &lvscf.Config{})
	if len(f.Sysctl) != 0 || f.Modules.Available || len(f.Sockets) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestReadPasswords(t *testing.T) {
	const bcrypt = "$2y$10$abcdefghijklmnopqrstuuCOh5UwMGjkMN8mBbzfx7T5mtq.FvYDO"
	root := tree(t, map[string]string{
		"good": "piranha:" + bcrypt + "\n",
		"old":  "piranha:$1$abc$X8qPnJQVbFkq4TNPwYyJI1\nadmin:" + bcrypt + "\n",
		"none": "other:" + bcrypt + "\n",
	})
	for name, mode := range map[string]os.FileMode{"good": 0o600, "old": 0o604, "none": 0o600} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]Passwords{
		"good": {Set: true}, "old": {Set: true, Readable: true, Weak: []string{"piranha"}}, "none": {},
	} {
		got := readPasswords(filepath.Join(root, name))
		if got.Err != nil || got.Set != want.Set || got.Readable != want.Readable || !slices.Equal(got.Weak, want.Weak) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if got := readPasswords(filepath.Join(root, "missing")); !got.Missing {
		t.Errorf("missing: %+v", got)
	}
}

// TestReadRules: what the programs print is taken, those that fail or are not there are not.
func TestReadRules(t *testing.T) {
	root := tree(t, map[string]string{
		"nft":           "#!/bin/sh\necho \"$*: meta mark set 0x15\"\n",
		"iptables-save": "#!/bin/sh\necho no\nexit 1\n",
	})
	for _, name := range []string{"nft", "iptables-save"} {
		if err := os.Chmod(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", root)
	r := readRules(t.Context())
	if !slices.Equal(r.From, []string{"nft"}) || r.Text != "list ruleset: meta mark set 0x15\n" || !r.sets(21) {
		t.Errorf("%+v", r)
	}
}

// TestGather: this machine can be looked at, whatever it is.
func TestGather(t *testing.T) {
	f := Gather(t.Context(), config(t, strings.Replace(conf, "10.0.0.1", "127.0.0.1", 1)))
	lo, there := f.Devices["lo"]
	if !there || !lo.Loopback || f.Sysctl["kernel/osrelease"] == "" || !f.Routes[netip.MustParseAddr("127.0.0.1")].Local {
		t.Errorf("%+v", f)
	}
}

// TestMarkCommand runs the commands that mend a missing mark, in a network of their own: then the rule is there.
func TestMarkCommand(t *testing.T) {
	six := strings.NewReplacer("192.0.2.100", "2001:db8::100", "vip_nmask = 255.255.255.0", "protocol = udp", "10.0.0.1", "2001:db8:1::1",
		"nat_router = 10.0.0.254 eth1:1\nnat_nmask = 255.255.255.0", "")
	for _, program := range []string{"nft", "iptables-save"} {
		for name, text := range map[string]string{"IPv4": marked.Replace(conf), "IPv6": six.Replace(marked.Replace(conf))} {
			t.Run(program+"/"+name, func(t *testing.T) {
				list := map[string]string{"nft": "nft list ruleset", "iptables-save": "iptables-save -t mangle && ip6tables-save -t mangle"}[program]
				if out, err := apart("nft list ruleset && iptables-save -t mangle"); err != nil {
					t.Skipf("no rules can be set here: %v, %s", err, out)
				}
				r := Rules{From: []string{program}}
				command := r.mark(&config(t, text).Virtual[0])
				out, err := apart(command + " && " + list)
				if r.Text = out; err != nil || !r.sets(21) {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			})
		}
	}
}

// apart runs a line of a shell as root of a network in which there is nothing.
func apart(line string) (string, error) {
	cmd := exec.Command("sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
