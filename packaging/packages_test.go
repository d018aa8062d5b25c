package packaging

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// architectures are Debian's name, rpm's, and what the programs must be for.
var architectures = []struct {
	deb, rpm string
	machine  elf.Machine
}{
	{"amd64", "x86_64", elf.EM_X86_64},
	{"arm64", "aarch64", elf.EM_AARCH64},
}

// built returns the one package in $DIST whose name ends so.
func built(t *testing.T, suffix string) string {
	t.Helper()
	dist := os.Getenv("DIST")
	if dist == "" {
		t.Skip("no packages: make package-check builds them")
	}
	found, err := filepath.Glob(filepath.Join(dist, "piranha-lvs*"+suffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages %s in %s: %q, %v, want one; make clean removes those of other commits", suffix, dist, found, err)
	}
	return found[0]
}

func output(t *testing.T, argv ...string) string {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%q: %v", argv, err)
	}
	return string(out)
}

// entry is a file of a package: type and mode as ls has them, owner, path, and whether it is configuration.
func entry(mode, owner, group, path string, config bool) string {
	line := mode + " " + owner + " " + group + " " + path
	if config {
		line += " config"
	}
	return line
}

// debEntries are the entries of a .deb, without the directories that are only there for what is in them.
func debEntries(t *testing.T, file string) []string {
	config := strings.Fields(output(t, "dpkg-deb", "-I", file, "conffiles"))
	var all, paths []string
	for line := range strings.Lines(output(t, "dpkg-deb", "-c", file)) {
		f := strings.Fields(line)
		owner, group, _ := strings.Cut(f[1], "/")
		path := strings.TrimPrefix(strings.TrimSuffix(f[5], "/"), ".")
		paths = append(paths, path)
		all = append(all, entry(f[0], owner, group, path, slices.Contains(config, path)))
	}
	return slices.DeleteFunc(all, func(e string) bool {
		path := strings.Fields(e)[3]
		if path == "/usr/share/doc/piranha-lvs/changelog.Debian.gz" { // rpm has nothing like it
			return true
		}
		implied := strings.HasPrefix(e, "drwxr-xr-x root root") &&
			slices.ContainsFunc(paths, func(other string) bool { return strings.HasPrefix(other, path+"/") })
		return implied && !strings.HasPrefix(path, "/etc/sysconfig/ha/")
	})
}

func rpmEntries(t *testing.T, file string) []string {
	const (
		config    = 1
		noReplace = 16
	)
	var all []string
	for line := range strings.Lines(output(t, "rpm", "-qp", "--qf", `[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES} %{FILEFLAGS}\n]`, file)) {
		f := strings.Fields(line)
		switch f[4] {
		case "17": // config and noreplace
			all = append(all, entry(f[0], f[1], f[2], f[3], true))
		case "0":
			all = append(all, entry(f[0], f[1], f[2], f[3], false))
		default:
			t.Errorf("%s has flags %s, want 0, or %d for configuration that stays", f[3], f[4], config|noReplace)
		}
	}
	return all
}

// asDebian are the paths that Debian has elsewhere.
var asDebian = strings.NewReplacer(
	"/etc/rc.d/init.d/pulse", "/etc/init.d/pulse config",
	"/etc/rc.d/init.d/piranha-gui", "/etc/init.d/piranha-gui config",
	"/etc/sysconfig/pulse", "/etc/default/pulse",
	"/etc/sysconfig/piranha-gui", "/etc/default/piranha-gui",
	"/usr/share/zsh/site-functions/", "/usr/share/zsh/vendor-completions/",
	"/usr/share/licenses/piranha-lvs/LICENSE", "/usr/share/doc/piranha-lvs/copyright",
	"/usr/lib64/nagios/plugins/", "/usr/lib/nagios/plugins/",
)

// without returns what of a is not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return slices.Contains(b, e) })
}

// documents are the entries of everything in doc/, which every package has.
func documents(t *testing.T) (list []string) {
	t.Helper()
	found, err := filepath.Glob("../doc/*.*")
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, path := range found {
		name := filepath.Base(path)
		switch section := filepath.Ext(name)[1:]; section {
		case "md":
			list = append(list, "-rw-r--r-- root root /usr/share/doc/piranha-lvs/"+name)
		default:
			list = append(list, "-rw-r--r-- root root /usr/share/man/man"+section+"/"+name+".gz")
		}
	}
	return list
}

// TestContents: every package has the same files with the same owners and modes, those of testdata/contents.txt and the documents.
func TestContents(t *testing.T) {
	text, err := os.ReadFile("testdata/contents.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := append(strings.Split(strings.TrimSpace(string(text)), "\n"), documents(t)...)
	for _, a := range architectures {
		deb := debEntries(t, built(t, "_"+a.deb+".deb"))
		rpm := rpmEntries(t, built(t, "."+a.rpm+".rpm"))
		for i := range rpm {
			rpm[i] = asDebian.Replace(rpm[i])
		}
		for name, got := range map[string][]string{a.deb + ".deb": deb, a.rpm + ".rpm": rpm} {
			for _, e := range without(got, want) {
				t.Errorf("%s: testdata/contents.txt does not have\n%s", name, e)
			}
			for _, e := range without(want, got) {
				t.Errorf("%s: there is no\n%s", name, e)
			}
		}
	}
}

// TestSameFiles: .deb and .rpm of an architecture have the same bytes in their files, and the programs are static ones for it.
func TestSameFiles(t *testing.T) {
	for _, a := range architectures {
		root := t.TempDir()
		output(t, "dpkg-deb", "-x", built(t, "_"+a.deb+".deb"), root)
		for line := range strings.Lines(output(t, "rpm", "-qp", "--qf", `[%{FILEDIGESTS} %{FILENAMES}\n]`, built(t, "."+a.rpm+".rpm"))) {
			f := strings.Fields(line)
			if len(f) < 2 || strings.HasSuffix(f[1], "/LICENSE") { // a directory, or what Debian has in another form
				continue
			}
			path, _ := strings.CutSuffix(asDebian.Replace(f[1]), " config")
			if got, _, _ := strings.Cut(output(t, "sha256sum", filepath.Join(root, path)), " "); got != f[0] {
				t.Errorf("%s: %s differs from %s of the .deb", a.rpm, f[1], path)
			}
		}
		programs, _ := filepath.Glob(filepath.Join(root, "usr/sbin/*"))
		for _, program := range programs {
			checkProgram(t, program, a.machine)
		}
	}
}

func checkProgram(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	libraries, _ := f.ImportedLibraries()
	if f.Machine != machine || len(libraries) > 0 {
		t.Errorf("%s is for %v and needs %q, want %v and nothing", path, f.Machine, libraries, machine)
	}
}

// TestScripts: dpkg and rpm run the same scripts, at the same occasions.
func TestScripts(t *testing.T) {
	occasions := []struct{ file, deb, rpm string }{
		{"preinstall", "preinst", "PREIN"},
		{"postinstall", "postinst", "POSTIN"},
		{"preremove", "prerm", "PREUN"},
		{"postremove", "postrm", "POSTUN"},
	}
	for _, a := range architectures {
		deb, rpm := built(t, "_"+a.deb+".deb"), built(t, "."+a.rpm+".rpm")
		for _, o := range occasions {
			text, err := os.ReadFile(filepath.Join("scripts", o.file))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSpace(string(text))
			if got := strings.TrimSpace(output(t, "dpkg-deb", "-I", deb, o.deb)); got != want {
				t.Errorf("%s: %s is\n%s\nwant\n%s", a.deb, o.deb, got, want)
			}
			if got := strings.TrimSpace(output(t, "rpm", "-qp", "--qf", "%{"+o.rpm+"}", rpm)); got != want {
				t.Errorf("%s: %s is\n%s\nwant\n%s", a.rpm, o.rpm, got, want)
			}
		}
	}
}

// TestRelations: both stand for the original, and cannot be installed beside it.
func TestRelations(t *testing.T) {
	for _, a := range architectures {
		deb := built(t, "_"+a.deb+".deb")
		for _, field := range []string{"Provides", "Conflicts", "Replaces"} {
			if got := strings.TrimSpace(output(t, "dpkg-deb", "-f", deb, field)); got != "piranha" {
				t.Errorf("%s: %s is %q, want piranha", deb, field, got)
			}
		}
		rpm := built(t, "."+a.rpm+".rpm")
		// To obsolete it would run the scripts of its removal after ours: they delete user piranha.
		got := output(t, "rpm", "-qp", "--qf", "provides[ %{PROVIDES}] conflicts[ %{CONFLICTS}] obsoletes[ %{OBSOLETES}]", rpm)
		if want := "provides piranha piranha-lvs conflicts piranha obsoletes"; got != want {
			t.Errorf("%s: %s, want %s", rpm, got, want)
		}
	}
}

// TestReproducible: built a second time, from other programs' builds, the packages have the same bytes.
func TestReproducible(t *testing.T) {
	again := os.Getenv("DIST_AGAIN")
	if again == "" {
		t.Skip("no second build: make package-check makes it")
	}
	second, err := filepath.Glob(filepath.Join(again, "piranha-lvs*"))
	if err != nil || len(second) != 4 {
		t.Fatalf("packages in %s: %q, %v, want four", again, second, err)
	}
	for _, path := range second {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := os.ReadFile(filepath.Join(os.Getenv("DIST"), filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs from the first build", path)
		}
	}
}
