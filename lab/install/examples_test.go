package install

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// examples returns the commands under EXAMPLES of a page: lines with a prompt, or all of a block that has none, with the lines that
// continue them.
func examples(t *testing.T, path string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n.Sh EXAMPLES\n")
	body, _, _ = strings.Cut(body, "\n.Sh ")
	unescape := strings.NewReplacer(`\e`, `\`, `\(dq`, `"`, `\&`, "")
	for _, block := range strings.Split(body, ".Bd -literal")[1:] {
		_, block, _ = strings.Cut(block, "\n")
		block, _, _ = strings.Cut(block, ".Ed")
		if strings.HasPrefix(block, "polkit.") { // a file
			continue
		}
		// What goes on in the next line is one command.
		block = continued.ReplaceAllString(unescape.Replace(block), "$1")
		prompts := strings.HasPrefix(block, "# ") || strings.HasPrefix(block, "$ ")
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			command, found := strings.CutPrefix(line, "# ")
			if !found {
				command, found = strings.CutPrefix(line, "$ ")
			}
			if found || !prompts {
				commands = append(commands, command)
			}
		}
	}
	return commands
}

// continued is the end of a line that is not the end of its command.
var continued = regexp.MustCompile(`(\|)?\\?\n  +`)

// instead has what is run in the place of an example: those that stay in the foreground get an end, dialogues their answers, and
// addresses that are nobody's those of the lab.
var instead = map[string]string{
	`command[check_piranha]=/usr/lib/nagios/plugins/check_piranha -w 25% -c 50%`: `/usr/lib/nagios/plugins/check_piranha -w 25% -c 50%`,
	`check_piranha -w 25% -c 50%`:                             `/usr/lib/nagios/plugins/check_piranha -w 25% -c 50%`,
	`nanny -n --norun --lvs -h 192.168.10.3 -V 10.0.0.1 -t 2`: `timeout 2 nanny -n --norun --lvs -h 10.11.12.11 -V 10.0.0.1 -t 2; test $? = 124 -o $? = 0`,
	`nanny --lvs -h 192.168.10.3 -p 25 -V 10.0.0.1 -M m -s 'QUIT\r\n' -x 220`: `nanny --lvs -h 192.168.10.3 -p 25 -V 10.0.0.1 -M m -s 'QUIT\r\n' -x 220 &&
		pkill -x -f 'nanny --lvs.*' && ipvsadm -D -t 10.0.0.1:25`,
	`ssh -L 3636:127.0.0.1:3636 router1`:                    ``, // nothing of ours
	`piranha-passwd`:                                        `printf 'correct horse\ncorrect horse\n' | piranha-passwd`,
	`piranha-passwd -u operator`:                            `printf 'correct horse\ncorrect horse\n' | piranha-passwd -u operator`,
	`echo "$password" | piranha-passwd --stdin -u operator`: `password='correct horse'; echo "$password" | piranha-passwd --stdin -u operator`,
	`piranhactl top --interval=60 -n 1 >load.txt`:           `piranhactl top --interval=1 -n 1 >load.txt && grep web load.txt`,
	`piranhactl switchover`:                                 `piranhactl switchover && piranhactl switchover`,
}

// keepalivedConf is what the manual's example imports; it leaves something to do.
const keepalivedConf = `virtual_server 192.0.2.100 80 {
	lb_algo rr
	lb_kind NAT
	protocol TCP
	real_server 10.11.12.11 80 {
		TCP_CHECK {
			connect_timeout 3
		}
	}
}
`

// TestExamples runs the commands under EXAMPLES of every page, on the active router of a pair.
func TestExamples(t *testing.T) {
	n := network(t)
	serveReals(t, n)
	routers := []*machine{newMachine(t, n, 1), newMachine(t, n, 2)}
	for _, m := range routers {
		m.install()
		m.write("/etc/sysconfig/ha/lvs.cf", pairConf)
		m.run("service pulse start")
	}
	m := routers[0]
	m.wantActive()
	m.run("mkdir /etc/keepalived")
	m.write("/etc/keepalived/keepalived.conf", keepalivedConf)
	m.run("rm -f /root/lvs.cf")
	pages, err := filepath.Glob("../../doc/*.8")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	met := map[string]bool{}
	for _, page := range pages {
		commands := examples(t, page)
		if len(commands) == 0 {
			t.Errorf("%s has no examples", page)
		}
		for _, command := range commands {
			met[command] = true
			line, other := instead[command]
			if !other {
				line = command
			}
			if line == "" {
				continue
			}
			switch { // until somebody ends it
			case strings.HasPrefix(line, "piranhactl events"):
				line = "timeout 2 " + line
			case strings.HasPrefix(line, "piranha-gui "):
				line = "timeout 2 " + line + "; test $? = 124 -o $? = 0"
			}
			if said, status := m.try(line); status != 0 {
				t.Errorf("%s: %s: exit status %d: %s", filepath.Base(page), command, status, said)
			}
		}
	}
	for command := range instead {
		if !met[command] {
			t.Errorf("no page has the example %s", command)
		}
	}
}
