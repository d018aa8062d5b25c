package browser

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const cluster = `# By hand.
serial_no = 42
primary = 192.0.2.11
primary_private = 10.11.12.9
service = lvs
backup_active = 1
backup = 192.0.2.12
backup_private = 10.11.12.8
heartbeat = 1
heartbeat_port = 539
keepalive = 6
deadtime = 18
network = nat
nat_router = 10.11.12.10 eth1:1
virtual web {
     active = 1
     address = 192.0.2.100 eth0:1
     vip_nmask = 255.255.255.0
     port = 80
     # Longer than it takes to fill in the form.
     persistent = 300
     scheduler = wlc
     sorry_server = 10.11.12.250
     server web1 {
         address = 10.11.12.11
         active = 1
         weight = 1
     }
     server web2 {
         address = 10.11.12.12
         active = 1
         weight = 2
     }
     server web3 {
         address = 10.11.12.13
         active = 1
         weight = 3
     }
     server web4 {
         address = 10.11.12.14
         active = 1
         weight = 4
     }
}
virtual smtp {
     active = 1
     address = 192.0.2.101 eth0:2
     port = 25
     send = ""
     expect = "220"
     server smtp1 {
         address = 10.11.12.15
         active = 1
     }
     server smtp2 {
         address = 10.11.12.16
         active = 1
     }
}
virtual dns {
     active = 1
     address = 192.0.2.100 eth0:1
     port = 53
     protocol = udp
     server dns1 {
         address = 10.11.12.17
         active = 1
     }
}
virtual old_shop {
     active = 0
     address = 192.0.2.102 eth0:3
     port = 8080
}
`

// both runs a test with script and without: everything works without.
func both(t *testing.T, test func(t *testing.T, script bool)) {
	t.Parallel()
	for name, script := range map[string]bool{"script": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, script)
		})
	}
}

func TestFirstSignIn(t *testing.T) {
	both(t, func(t *testing.T, script bool) {
		d := newDesk(t, cluster, false)
		b := d.newTab(script)
		b.visit("/control")
		b.says("No password is set", "piranha-passwd")
		d.setPassword()
		b.visit("/virtual")
		b.says("Log in to")
		b.fill("username", "piranha", "password", "wrong")
		b.press("Login")
		b.says("User name or password is wrong.")
		b.fill("password", password)
		b.press("Login")
		b.says("old_shop", "inactive") // the page that was asked for
	})
}

// TestBuild builds the manual's example from an empty file by the panels alone.
func TestBuild(t *testing.T) {
	both(t, func(t *testing.T, script bool) {
		d := newDesk(t, "", true)
		b := d.newTab(script)
		b.signIn()
		b.visit("/global")
		b.fill("PriLVSIP", "192.168.26.9", "primary_private", "10.11.12.9")
		b.tick("#network-nat")
		b.fill("NATRtrIP", "10.11.12.10", "nat_nmask", "255.255.255.0", "NATRtrDev", "eth1:1")
		b.press("Accept")
		b.says("In the draft.")
		b.visit("/redundancy")
		b.press("Enable")
		b.fill("redundant", "192.168.26.8", "redundant_private", "10.11.12.8")
		b.press("Accept")
		b.visit("/virtual")
		b.fill("name", "HTTP")
		b.press("Add")
		b.fill("address", "192.168.26.10", "vip_nmask", "255.255.255.0")
		b.press("Accept")
		for _, real := range [][4]string{{"ONE", "10.11.12.1", "", "1"}, {"TWO", "10.11.12.2", "8080", "5"}, {"THREE", "10.11.12.3", "", "1"}} {
			b.visit("/virtual/real?v=HTTP")
			b.fill("name", real[0])
			b.press("Add")
			b.fill("address", real[1], "weight", real[3])
			if real[2] != "" {
				b.fill("port", real[2])
			}
			b.press("Accept")
			b.says("In the draft.")
		}
		b.visit("/virtual/real?v=HTTP")
		b.tick(`[aria-label="Select ONE"]`)
		b.tick(`[aria-label="Select TWO"]`)
		b.press("(De)activate")
		b.visit("/virtual")
		b.tick(`[aria-label="Select HTTP"]`)
		b.press("(De)activate")
		if d.read("lvs.cf") != "" {
			t.Error("a form has changed lvs.cf")
		}
		b.visit("/changes")
		b.says("Check passed")
		b.press("Apply")
		b.says("Applied as serial 1")

		original, err := os.ReadFile("../../internal/lvscf/testdata/original-nat.cf")
		if err != nil {
			t.Fatal(err)
		}
		got, want := statements(d.read("lvs.cf")), statements(string(original))
		if !slices.Equal(got, want) {
			t.Errorf("lvs.cf says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// statements are what a file says, in order, apart from its number and from what means the same as nothing.
func statements(text string) []string {
	var list []string
	block := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasSuffix(line, "{"):
			block += strings.TrimSuffix(line, "{")
		case line == "}":
			i := strings.LastIndex(block, "server ")
			block = block[:max(i, 0)]
		case slices.Contains([]string{"", "serial_no", "service", "debug_level", "monitor_links", "syncdaemon"}, key) || line == "network = nat":
		default:
			list = append(list, block+line)
		}
	}
	slices.Sort(list)
	return list
}

// TestChanges edits, looks at the difference, applies, meets somebody else's change, tries and goes back.
func TestChanges(t *testing.T) {
	both(t, func(t *testing.T, script bool) {
		d := newDesk(t, cluster, true)
		b := d.newTab(script)
		b.signIn()
		b.visit("/virtual/edit?v=web")
		b.fill("port", "8080")
		b.press("Accept")
		b.says("In the draft.", "was: 80", "Draft, not applied: 1 edit")
		b.visit("/changes")
		b.says("port = 8080", "begun by piranha", "No conflict")
		b.fill("comment", "another port")
		b.press("Apply")
		b.says("Applied as serial 43", "in force", "another port")
		if got := d.read("lvs.cf"); !strings.Contains(got, "port = 8080\n") || !strings.Contains(got, "# Longer than it takes") {
			t.Errorf("lvs.cf:\n%s", got)
		}

		// Somebody edits the file in an editor meanwhile.
		b.visit("/virtual/edit?v=smtp")
		b.fill("port", "2525")
		b.press("Accept")
		d.write("lvs.cf", strings.NewReplacer("serial_no = 43", "serial_no = 44", "weight = 4", "weight = 9").Replace(d.read("lvs.cf")))
		b.visit("/changes")
		b.says("lvs.cf was changed by someone else", "weight = 9", "do not touch the same lines")
		b.press("Take over their changes")
		b.says("No conflict")
		b.press("Apply")
		b.says("Applied as serial 45")
		if got := d.read("lvs.cf"); !strings.Contains(got, "port = 2525\n") || !strings.Contains(got, "weight = 9\n") {
			t.Errorf("lvs.cf:\n%s", got)
		}

		// On trial, and back.
		b.visit("/global")
		b.fill("tcp_timeout", "77")
		b.press("Accept")
		b.visit("/changes")
		b.tick("[name=try]")
		b.press("Apply")
		b.says("Keep these changes?", "Serial 46")
		b.press("Roll back now")
		b.says("Rolled back.", "serial 47")
		if got := d.read("lvs.cf"); strings.Contains(got, "tcp_timeout") {
			t.Errorf("lvs.cf:\n%s", got)
		}

		// An old version.
		b.load(chromedp.Click(chromedp.Search(`//tr[.//*[contains(text(), "Serial 42")]]//button`)))
		b.says("port = 80")
		b.press("Discard draft…")
		b.says("Discard the draft?")
		b.press("Discard")
		b.says("The draft is gone.")

		// As text.
		b.press("Edit as text")
		b.do(chromedp.SetValue(chromedp.CSS("#text"), "primary = 999.1.1.1\n"))
		b.press("Accept")
		b.says("would refuse it", "line 1")
	})
}

// TestCrash: what is on trial is rolled back when its time is over, although the program was killed meanwhile.
func TestCrash(t *testing.T) {
	t.Parallel()
	d := newDesk(t, cluster, true)
	b := d.newTab(false)
	b.signIn()
	b.visit("/global")
	b.fill("tcp_timeout", "77")
	b.press("Accept")
	b.visit("/changes")
	b.tick("[name=try]")
	b.fill("seconds", "3600")
	b.press("Apply")
	b.says("Keep these changes?")
	if got := d.read("lvs.cf"); !strings.Contains(got, "tcp_timeout = 77\n") {
		t.Fatalf("lvs.cf:\n%s", got)
	}
	d.crash()
	confirm := regexp.MustCompile(`"confirm":"[^"]*"`)
	if state := d.read("state/changes.json"); confirm.MatchString(state) {
		d.write("state/changes.json", confirm.ReplaceAllString(state, `"confirm":"2026-01-01T00:00:00Z"`)) // long ago
	} else {
		t.Fatalf("no trial in\n%s", state)
	}
	d.start()
	want := strings.Replace(cluster, "serial_no = 42", "serial_no = 44", 1)
	for end := time.Now().Add(stepTime); d.read("lvs.cf") != want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not rolled back:\n%s", d.read("lvs.cf"))
		}
	}
	b.signIn() // sessions end with the program
	b.visit("/changes")
	b.says("rolled back", "Back to serial 42")
}

// TestDrain takes a real server out of service, and another page shows that without being loaded again.
func TestDrain(t *testing.T) {
	both(t, func(t *testing.T, script bool) {
		d := newDesk(t, cluster, true)
		b := d.newTab(script)
		b.signIn()
		b.says("smtp", "down", "connection refused", "4.2 ms", "server down", "web web3 is down after 21h")
		b.press("web2")
		b.says("Last checks", "10.11.12.12:80")
		b.press("Drain…")
		b.says("New clients of web go to 2 other real servers.", "47 connections")
		b.press("Drain")
		b.says("Done.", "draining")
		if got := d.daemons.ordered(); !slices.Equal(got, []string{"/v1/drain?server=web2&virtual=web"}) {
			t.Errorf("orders: %q", got)
		}
		b.press("Ready…")
		b.press("Put back into service")
		b.visit("/control")
		b.press("Switch over…")
		b.says("the other one will")
		b.press("Switch over")
		b.says("Switch over: asked for", "standby")
	})
}

func (d *daemons) ordered() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.orders)
}

// TestLive: a page shows what has changed without being loaded again, until it is paused.
func TestLive(t *testing.T) {
	t.Parallel()
	d := newDesk(t, cluster, true)
	b := d.newTab(true)
	b.signIn()
	b.says("live, ")
	get(b, chromedp.Evaluate[string](`document.body.dataset.mark = "here"`))
	d.daemons.connections("web", "web1", 123456)
	b.says("123\u202f456")
	b.do(chromedp.WaitReady(chromedp.CSS("svg.spark polyline")))
	d.daemons.order("/v1/maint", "web", "web1")
	b.says("maintenance")
	d.daemons.stopLvsd()
	b.says("lvsd does not answer")
	b.do(chromedp.Click(chromedp.Search(`//button[.="Pause"]`)))
	b.says("paused, as of ")
	if get(b, chromedp.Evaluate[string](`document.body.dataset.mark || ""`)) != "here" {
		t.Error("the page was loaded again")
	}
}

// pages are all panels and pages beside them, by name.
func pages() map[string]string {
	return map[string]string{
		"control": "/control", "global": "/global", "redundancy": "/redundancy", "virtual": "/virtual", "virtual-edit": "/virtual/edit?v=web", "real": "/virtual/real?v=web",
		"real-edit": "/virtual/real/edit?v=web&s=web1", "scripts": "/virtual/scripts?v=web", "changes": "/changes", "text": "/changes/text", "server": "/server?v=web&s=web3",
		"drain": "/act/drain?v=web&s=web2", "weight": "/act/weight?v=web&s=web2", "help": "/help", "compare": "/changes/compare?from=1&to=draft",
		"tokens": "/tokens", "partner": "/partner",
	}
}

// TestPictures keeps what each panel looks like, for people to look at.
func TestPictures(t *testing.T) {
	t.Parallel()
	d := newDesk(t, cluster, true)
	b := d.newTab(true)
	b.visit("/login")
	shoot := func(name string) {
		b.picture(name+"-1280", 1280, false)
		b.picture(name+"-1280", 1280, true)
		b.picture(name+"-390", 390, false)
	}
	shoot("login")
	b.signIn()
	b.visit("/global")
	b.fill("tcp_timeout", "900")
	b.press("Accept")
	b.visit("/changes")
	b.fill("comment", "time limits as the firewall has them")
	b.press("Apply")
	b.visit("/virtual/edit?v=web")
	b.fill("port", "8080", "persistent", "60")
	b.press("Accept")
	for name, path := range pages() {
		b.visit(path)
		if name == "control" {
			b.says("live, ")
		}
		shoot(name)
	}
	b.visit("/changes")
	b.tick("[name=try]")
	b.press("Apply")
	shoot("trial")
}
