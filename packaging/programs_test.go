package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// programs are those a user starts, by the names they are installed under.
var programs = []string{"pulse", "lvsd", "nanny", "send_arp", "piranha-gui", "piranha-passwd", "piranhactl", "check_piranha"}

// installed is a tree as packaging/install makes it, with the programs built before.
func installed(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("PIRANHA_BIN")
	if bin == "" || os.Getenv("DIST") == "" {
		t.Skip("no built programs: make package-check builds them")
	}
	root := t.TempDir()
	output(t, "./install", bin, root, "/usr")
	return root
}

// program is where a program is in the tree.
func program(root, name string) string {
	if name == "check_piranha" {
		return filepath.Join(root, "usr/lib/nagios/plugins", name)
	}
	return filepath.Join(root, "usr/sbin", name)
}

// option is a line of --help that begins an option.
var option = regexp.MustCompile(`(?m)^  (?:(-.), |    )(--[a-z0-9_-]+)(=?)`)

// options are those --help shows, sorted; those with an argument end in "=".
func options(t *testing.T, path string) []string {
	t.Helper()
	help, _ := exec.Command(path, "--help").Output() // a plug-in's status is its own
	var all []string
	for _, m := range option.FindAllStringSubmatch(string(help), -1) {
		if m[1] != "" {
			all = append(all, m[1]+m[3])
		}
		all = append(all, m[2]+m[3])
	}
	if len(all) == 0 {
		t.Errorf("%s --help shows no option", path)
	}
	slices.Sort(all)
	return all
}

var (
	manItem = regexp.MustCompile(`(?m)^\.It (Fl .*)$`)
	manFlag = regexp.MustCompile(`Fl (?:\\&)?(\S+)( Ns = Ns Ar| Ar)?`)
)

// TestManualOptions: every page has exactly the options its program has, with their letters, and says which take an argument.
func TestManualOptions(t *testing.T) {
	root := installed(t)
	for _, name := range programs {
		page, err := os.ReadFile(filepath.Join(root, "usr/share/man/man8", name+".8"))
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, item := range manItem.FindAllStringSubmatch(string(page), -1) {
			for _, f := range manFlag.FindAllStringSubmatch(item[1], -1) {
				argument := ""
				if f[2] != "" {
					argument = "="
				}
				got = append(got, "-"+f[1]+argument)
			}
		}
		slices.Sort(got)
		if want := options(t, program(root, name)); !slices.Equal(got, want) {
			t.Errorf("%s(8) has\n%q, want\n%q", name, got, want)
		}
	}
}

// complete has bash complete the last of words, and returns what it offers.
func complete(t *testing.T, root string, words ...string) []string {
	t.Helper()
	// As bash itself does it: the function gets the program, the word and the one before.
	const script = `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
		read -r _ _ function _ < <(complete -p "${1##*/}"); "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf '%s\n' "${COMPREPLY[@]}"`
	file := filepath.Join(root, "usr/share/bash-completion/completions", filepath.Base(words[0]))
	out := output(t, append([]string{"bash", "-c", script, "bash", file}, words...)...)
	got := strings.Fields(out)
	slices.Sort(got)
	return got
}

// TestCompletion: bash offers every long option of every program, and the commands of piranhactl.
func TestCompletion(t *testing.T) {
	root := installed(t)
	for _, name := range programs {
		if name == "check_piranha" { // no path leads to it: it is not typed
			continue
		}
		want := slices.DeleteFunc(options(t, program(root, name)), func(o string) bool { return !strings.HasPrefix(o, "--") })
		if got := complete(t, root, program(root, name), "--"); !slices.Equal(got, want) {
			t.Errorf("%s: bash offers\n%q, want\n%q", name, got, want)
		}
	}
	ctl := program(root, "piranhactl")
	commands := regexp.MustCompile(`(?m)^  ([a-z]+)`).FindAllStringSubmatch(output(t, ctl, "--help"), -1)
	var want []string
	for _, c := range commands {
		want = append(want, c[1])
	}
	slices.Sort(want)
	if got := complete(t, root, ctl, ""); len(got) < 10 || !slices.Equal(got, want) {
		t.Errorf("piranhactl: bash offers %q, want %q", got, want)
	}
	if got := complete(t, root, ctl, "--json", "sta"); !slices.Equal(got, []string{"standby", "status"}) {
		t.Errorf("piranhactl --json sta: bash offers %q", got)
	}
}

// TestZsh: the file is one that zsh takes, for every program there is a bash one for.
func TestZsh(t *testing.T) {
	root := installed(t)
	file := filepath.Join(root, "usr/share/zsh/site-functions/_piranha")
	output(t, "zsh", "-n", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for _, name := range programs {
		_, err := os.Stat(filepath.Join(root, "usr/share/bash-completion/completions", name))
		if slices.Contains(strings.Fields(first), name) != (err == nil) {
			t.Errorf("%s: zsh and bash differ about it", name)
		}
	}
}

// units are the services, and how exposed systemd-analyze finds them, which doc/security.md tells.
var units = map[string]string{"pulse.service": "3.1 OK", "piranha-gui.service": "1.3 OK"}

// TestUnits: systemd takes the units without a word, and finds them as well secured as doc/security.md says.
func TestUnits(t *testing.T) {
	root := installed(t)
	page, err := os.ReadFile("../doc/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for unit, want := range units {
		path := filepath.Join(root, "usr/lib/systemd/system", unit)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// It looks for the program, which is in the tree only.
		here := strings.ReplaceAll(string(text), "=/usr/sbin/", "="+root+"/usr/sbin/")
		if err := os.WriteFile(path, []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("systemd-analyze verify %s: %v: %s", unit, err, out)
		}
		out := output(t, "systemd-analyze", "security", "--no-pager", "--offline=true", path)
		_, got, _ := strings.Cut(out, "Overall exposure level for "+unit+": ")
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: exposure %q, want %q", unit, got, want)
		}
		if says := "`" + unit + "` " + strings.Fields(want)[0]; !strings.Contains(string(page), says) {
			t.Errorf("doc/security.md does not say %q", says)
		}
	}
}
