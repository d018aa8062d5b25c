package install

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
	"github.com/piranha-lvs/piranha/lab/topology"
)

const readme = "../../README.md"

// step is an indented block of README, and the machines it is for.
type step struct {
	both  bool
	lines []string
}

// section returns the blocks of a section of a document.
func section(t *testing.T, file, title string) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("%s has no section %q", file, title)
	}
	body, _, _ = strings.Cut(body, "\n## ")
	both := false
	for paragraph := range strings.SplitSeq(body, "\n\n") {
		if !strings.HasPrefix(strings.TrimPrefix(paragraph, "\n"), "    ") {
			both = regexp.MustCompile(`On both routers\s`).MatchString(paragraph)
			continue
		}
		lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(paragraph, "\n    ", "\n")), "\n")
		steps = append(steps, step{both, lines})
	}
	return steps
}

// TestFirstSteps does what README says, command by command, on a fresh Debian for each router. What it cannot have is replaced: scp by
// a copy, and the two answers at the terminal.
func TestFirstSteps(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	routers := []*machine{newMachine(t, n, 1), newMachine(t, n, 2)}
	for _, m := range routers {
		m.put()
		if err := m.node.Sysctl("net.ipv4.ip_forward", "0"); err != nil {
			t.Fatal(err)
		}
	}
	commands := 0
	for _, s := range section(t, readme, "First steps") {
		if s.lines[0] == "serial_no = 1" {
			routers[0].write("/etc/sysconfig/ha/lvs.cf", strings.Join(s.lines, "\n")+"\n")
			continue
		}
		for _, line := range s.lines {
			commands++
			on := routers[:1]
			if s.both {
				on = routers
			}
			for _, m := range on {
				m.follow(line, routers[1])
			}
		}
	}
	if commands != 10 {
		t.Errorf("README promises ten commands, and has %d", commands)
	}
	page := browse(t, n, "https://192.0.2.1:3636/")
	if !strings.Contains(page, "Password") {
		t.Errorf("the panels do not ask for the password: %s", page)
	}
	// The last one was the switchover.
	eventually(t, func() error { return routers[1].says("piranhactl --json status", `"state": "active"`) })
	asked(t, n)
	routers[0].run("piranhactl reload")
}

// follow runs a command of README.
func (m *machine) follow(line string, other *machine) {
	m.t.Helper()
	switch {
	case strings.HasPrefix(line, "scp "):
		text, err := os.ReadFile(m.path("etc/sysconfig/ha/lvs.cf"))
		if err != nil {
			m.t.Fatal(err)
		}
		other.write("/etc/sysconfig/ha/lvs.cf", string(text))
	case line == "piranha-passwd":
		m.run("printf 'correct horse\\ncorrect horse\\n' | piranha-passwd")
	case line == "piranhactl status":
		eventually(m.t, func() error {
			said, status := m.try(line)
			for _, want := range []string{"2 of 2 up", "active", "inactive"} {
				if status != 0 || !strings.Contains(said, want) {
					return fmt.Errorf("%s: status %d, %s; want %q", line, status, said, want)
				}
			}
			return nil
		})
		asked(m.t, m.net)
	default:
		m.run(line)
	}
}

// asked expects that the client is answered.
func asked(t *testing.T, n *topology.Net) {
	t.Helper()
	report, err := client.Loop{Dial: n.Client().DialContext, URL: "http://" + topology.VIP + "/", Count: 8, Timeout: 5 * time.Second}.Run(t.Context())
	if err != nil || len(report.Errors()) > 0 {
		t.Errorf("requests: %v, %v", report, err)
	}
}

// TestWithoutPackage: the lvs.cf of README passes the check it names, and the table it asks for is printed.
func TestWithoutPackage(t *testing.T) {
	m := newMachine(t, network(t), 1)
	m.install()
	for _, s := range section(t, readme, "First steps") {
		if s.lines[0] == "serial_no = 1" {
			m.write("/root/lvs.cf", strings.Join(s.lines, "\n")+"\n")
		}
	}
	for _, s := range section(t, readme, "Without a package") {
		for _, line := range s.lines {
			if program, arguments, found := strings.Cut(line, " "); found && program == "bin/lvs" {
				if said := m.run("lvsd " + arguments); strings.Contains(arguments, "--print-table") && !strings.Contains(said, "-a -t 192.0.2.100:80 -r 10.11.12.12:80 -m -w 3") {
					t.Errorf("%s: %s", line, said)
				}
			}
		}
	}
}
