package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/piranha-lvs/piranha/internal/nanny"
)

// One nanny runs for every real server, so every package counts: with package net, for one, a process grows from 0.6 MB
// to 2.5 MB (see doc/architecture.md).
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []string{"net", "fmt", "reflect", "log", "os/exec", "os/signal", "regexp", "encoding/json", "text/template", "os/user"}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		// encoding/binary names reflect, but its byte orders, which netlink needs, do not use it: the linker leaves it out.
		if pkg == "encoding/binary" {
			continue
		}
		for i := range strings.FieldsSeq(imports) {
			if slices.Contains(forbidden, i) || strings.HasPrefix(i, "net/http") || strings.HasPrefix(i, "crypto/") || i == "log/slog" {
				t.Errorf("%s imports %s", pkg, i)
			}
		}
	}
}

// The manual page has exactly the options there are, with their letters and their arguments.
func TestManPage(t *testing.T) {
	page, err := os.ReadFile("../../doc/nanny.8")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n.Sh OPTIONS\n")
	text, _, _ = strings.Cut(text, "\n.Sh ")
	item := regexp.MustCompile(`(?m)^\.It (.*)$`)
	flag := regexp.MustCompile(`Fl (\\&)?(\S+)( Ns = Ns Ar| Ar)?`)
	var got []string
	for _, line := range item.FindAllStringSubmatch(text, -1) {
		for _, f := range flag.FindAllStringSubmatch(line[1], -1) {
			name := "-" + f[2]
			if f[3] != "" {
				name += " ARG"
			}
			got = append(got, name)
		}
	}
	var want []string
	for _, o := range new(nanny.Options).Set().Options() {
		argument := ""
		if o.Arg != "" {
			argument = " ARG"
		}
		want = append(want, "--"+o.Long+argument)
		if o.Short != 0 {
			want = append(want, "-"+string(rune(o.Short))+argument)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("doc/nanny.8 has\n%q, want\n%q", got, want)
	}
}
