// Package partner reaches the other router by ssh, to compare and copy lvs.cf. It has a key and a list of known hosts of its own, and
// runs ssh, sftp, ssh-keygen and ssh-keyscan with fixed arguments: no shell here sees what comes from lvs.cf.
package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/piranha-lvs/piranha/internal/replace"
)

// Limits.
const (
	connectTime = "5"              // seconds that a connection may take
	commandTime = 12 * time.Second // that a command may take
	maxOutput   = 16 << 10         // bytes of what a command says
	maxText     = 4 << 20          // bytes of an lvs.cf
	rate        = "65536"          // kbit/s: what the other router sends meanwhile is bounded
)

// Errors. They are for people.
var (
	ErrNotSSH  = errors.New("the other router is reached by ssh only: set rsh_command to ssh under Global Settings; -l USER and -p PORT may follow")
	ErrHost    = errors.New("the other router's name is not one that ssh can be given")
	ErrNoKey   = errors.New("there is no key yet")
	ErrHostKey = errors.New("this is no host key")
	errPath    = errors.New("names of files with other characters than letters, digits and ._/+- cannot be copied")
)

// Remote is the other router, as ssh is told.
type Remote struct {
	Host, User, Port string // "" for ssh's own
}

var (
	plainHost = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.:-]*$|^::[0-9A-Fa-f:.]*$`)
	plainUser = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z_.-]*$`)
	plainPath = regexp.MustCompile(`^/[0-9A-Za-z._/+-]+$`)
)

// Parse makes it of a host and rsh_command. Of the options of ssh only two are taken: others would have it run programs.
func Parse(host, command string) (Remote, error) {
	words := strings.Fields(command)
	if len(words) == 0 || filepath.Base(words[0]) != "ssh" {
		return Remote{}, ErrNotSSH
	}
	r := Remote{Host: host}
	for words = words[1:]; len(words) > 1; words = words[2:] {
		switch port, err := strconv.ParseUint(words[1], 10, 16); {
		case words[0] == "-l" && plainUser.MatchString(words[1]):
			r.User = words[1]
		case words[0] == "-p" && err == nil && port > 0:
			r.Port = words[1]
		default:
			return Remote{}, ErrNotSSH
		}
	}
	if len(words) > 0 {
		return Remote{}, ErrNotSSH
	}
	if !plainHost.MatchString(host) {
		return Remote{}, ErrHost
	}
	return r, nil
}

// known is how known_hosts names it.
func (r Remote) known() string {
	if r.Port == "" || r.Port == "22" {
		return r.Host
	}
	return "[" + r.Host + "]:" + r.Port
}

// Link has what is needed to reach it. Its methods may be called at the same time.
type Link struct {
	Dir    string   // of the key and the known hosts; made where it is missing
	Reload []string // the command that has the other router read lvs.cf
}

// New returns the link whose files are in a directory.
func New(dir string) *Link {
	return &Link{Dir: dir, Reload: []string{"/usr/sbin/piranhactl", "reload"}}
}

func (l *Link) keyPath() string   { return filepath.Join(l.Dir, "id_ed25519") }
func (l *Link) hostsPath() string { return filepath.Join(l.Dir, "known_hosts") }

// Key is the public key, as a line of authorized_keys; ErrNoKey: there is none.
func (l *Link) Key() (string, error) {
	text, err := os.ReadFile(l.keyPath() + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoKey
	}
	return strings.TrimSpace(string(text)), err
}

// MakeKey makes a key, unless there is one. name is this router's.
func (l *Link) MakeKey(ctx context.Context, name string) error {
	if _, err := l.Key(); !errors.Is(err, ErrNoKey) {
		return err
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	comment := "piranha-gui@" + strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '_'
	}, name)
	_, err := l.run(ctx, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", l.keyPath())
	return err
}

// HostKey is a host's public key: its kind and itself.
type HostKey string

// Fingerprint is how ssh-keygen -l shows it.
func (k HostKey) Fingerprint() string {
	_, key, _ := strings.Cut(string(k), " ")
	blob, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

var hostKey = regexp.MustCompile(`^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [0-9A-Za-z+/]{40,1000}={0,2}$`)

// Offered is the host key that the other router shows to whoever asks. Whether it is the right one is for people to say.
func (l *Link) Offered(ctx context.Context, r Remote) (HostKey, error) {
	args := []string{"-T", connectTime}
	if r.Port != "" {
		args = append(args, "-p", r.Port)
	}
	var last error
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		out, err := l.run(ctx, "", "ssh-keyscan", append(args, "-t", kind, "--", r.Host)...)
		last = err
		for line := range strings.Lines(out) {
			if _, key, ok := strings.Cut(strings.TrimSpace(line), " "); ok && hostKey.MatchString(key) {
				return HostKey(key), nil
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	if last == nil {
		last = errors.New("it shows no host key")
	}
	return "", last
}

// Known is the host key that the other router must have; "": none has been accepted.
func (l *Link) Known(r Remote) HostKey {
	text, _ := os.ReadFile(l.hostsPath())
	for line := range strings.Lines(string(text)) {
		if name, key, _ := strings.Cut(strings.TrimSpace(line), " "); name == r.known() {
			return HostKey(key)
		}
	}
	return ""
}

// Accept has the other router's host key be this one from now on.
func (l *Link) Accept(r Remote, key HostKey) error {
	if !hostKey.MatchString(string(key)) {
		return ErrHostKey
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	old, err := os.ReadFile(l.hostsPath())
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	var now strings.Builder
	for line := range strings.Lines(string(old)) {
		if !strings.HasPrefix(line, r.known()+" ") {
			now.WriteString(line)
		}
	}
	now.WriteString(r.known() + " " + string(key) + "\n")
	if missing {
		return replace.Create(l.hostsPath(), now.String(), replace.Mode(0o600))
	}
	return replace.Exact(l.hostsPath(), string(old), now.String())
}

// File is lvs.cf there.
type File struct {
	Text   []byte
	Mode   fs.FileMode
	Exists bool
}

// Fetch returns the file at a path of the other router.
func (l *Link) Fetch(ctx context.Context, r Remote, path string) (File, error) {
	if !plainPath.MatchString(path) {
		return File{}, errPath
	}
	dir, err := os.MkdirTemp("", "piranha-gui-")
	if err != nil {
		return File{}, err
	}
	defer os.RemoveAll(dir)
	local := filepath.Join(dir, "lvs.cf")
	if _, err := l.sftp(ctx, r, "get -p "+path+" "+local); err != nil {
		if strings.Contains(err.Error(), `File "`+path+`" not found`) {
			return File{Mode: 0o644}, nil
		}
		return File{}, err
	}
	info, err := os.Stat(local)
	if err != nil {
		return File{}, err
	}
	if info.Size() > maxText {
		return File{}, fmt.Errorf("%s of the other router is too large", path)
	}
	text, err := os.ReadFile(local)
	return File{Text: text, Mode: info.Mode().Perm(), Exists: true}, err
}

// Push puts a text in the place of the file at a path of the other router, in one step.
func (l *Link) Push(ctx context.Context, r Remote, path string, text []byte, mode fs.FileMode) error {
	if !plainPath.MatchString(path) {
		return errPath
	}
	dir, err := os.MkdirTemp("", "piranha-gui-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	local := filepath.Join(dir, "lvs.cf")
	if err := os.WriteFile(local, text, 0o600); err != nil {
		return err
	}
	remote := path + ".piranha-gui"
	_, err = l.sftp(ctx, r, "put "+local+" "+remote, fmt.Sprintf("chmod %o %s", mode.Perm(), remote), "rename "+remote+" "+path)
	return err
}

// Read has the other router read lvs.cf.
func (l *Link) Read(ctx context.Context, r Remote) error {
	args := append(l.options(r), "-T", "--", r.Host)
	_, err := l.run(ctx, "", "ssh", append(args, l.Reload...)...)
	return err
}

// options are those of ssh and sftp: nothing of the user's or the system's files counts, and nobody is asked anything.
func (l *Link) options(r Remote) []string {
	list := []string{"-F", "/dev/null"}
	if r.User != "" {
		list = append(list, "-o", "User="+r.User)
	}
	if r.Port != "" {
		list = append(list, "-o", "Port="+r.Port)
	}
	for _, option := range []string{
		"BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=" + quoted(l.hostsPath()), "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no",
		"IdentitiesOnly=yes", "IdentityFile=" + quoted(l.keyPath()), "IdentityAgent=none", "PreferredAuthentications=publickey",
		"ClearAllForwardings=yes", "ConnectTimeout=" + connectTime, "LogLevel=ERROR",
	} {
		list = append(list, "-o", option)
	}
	return list
}

// quoted is a path as a value in ssh_config(5).
func quoted(path string) string { return `"` + strings.ReplaceAll(path, "%", "%%") + `"` }

// sftp has commands carried out, up to the first that fails.
func (l *Link) sftp(ctx context.Context, r Remote, commands ...string) (string, error) {
	host := r.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	args := append(l.options(r), "-l", rate, "-b", "-", "--", host)
	return l.run(ctx, strings.Join(commands, "\n")+"\n", "sftp", args...)
}

// limited keeps the beginning of what a command writes.
type limited struct{ bytes.Buffer }

func (w *limited) Write(p []byte) (int, error) {
	_, _ = w.Buffer.Write(p[:min(len(p), maxOutput-w.Len())])
	return len(p), nil
}

// run runs a command without a shell.
func (l *Link) run(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C", "HOME=" + l.Dir}
	cmd.Stdin = strings.NewReader(input)
	var out, errs limited
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // sftp has an ssh below it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch said := strings.TrimSpace(strings.ToValidUTF8(errs.String(), "?")); {
	case ctx.Err() != nil:
		return out.String(), fmt.Errorf("%s: there was no end of it in time", name)
	case err != nil && said != "":
		return out.String(), fmt.Errorf("%s: %s", name, said)
	case err != nil:
		return out.String(), fmt.Errorf("%s: %w", name, err)
	}
	return out.String(), nil
}
