package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// Exit statuses that shells use when a command could not be started.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

// start runs the job's command with the given standard files and returns its process id.
// The status is not 0 when the command could not be started.
func start(job wire.Job, kernel string, files [3]uintptr) (pid, status int, err error) {
	env := environment(job.Env, kernel)
	if err := os.Chdir(job.Dir); err != nil {
		return 0, statusNotExecutable, fmt.Errorf("enter working directory: %w", err)
	}
	for _, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return 0, statusNotExecutable, fmt.Errorf("set PATH: %w", err)
			}
		}
	}
	path, err := exec.LookPath(job.Argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return 0, startStatus(err), fmt.Errorf("run %s: %w", job.Argv[0], err)
	}
	// Not os/exec: process 1 waits for every child there is, and two waiters would steal from each other.
	pid, err = syscall.ForkExec(path, job.Argv, &syscall.ProcAttr{
		Env:   env,
		Files: files[:],
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, startStatus(err), fmt.Errorf("run %s: %w", job.Argv[0], err)
	}
	return pid, 0, nil
}

func startStatus(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return statusNotFound
	}
	return statusNotExecutable
}

// environment is the caller's, less what points at directories that are read-only inside.
func environment(env []string, kernel string) []string {
	var out []string
	path := ""
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "PATH":
			path = value
		case "TMPDIR", "LAB_OUT", "LAB_KERNEL", "LAB_JOB", "MODPROBE_OPTIONS", "XDG_RUNTIME_DIR":
		default:
			out = append(out, kv)
		}
	}
	// Ordinary users often have no sbin in PATH, but inside they are root and need ip and ipvsadm.
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		if !strings.Contains(":"+path+":", ":"+dir+":") {
			path = strings.TrimPrefix(path+":"+dir, ":")
		}
	}
	out = append(out, "PATH="+path, "LAB_KERNEL="+kernel, "LAB_OUT="+wire.OutDir)
	if kernel == "uml" {
		out = append(out, "MODPROBE_OPTIONS=-d /run/lab")
	}
	return out
}

// wait reaps children, orphans too, until pid has ended, then ends everything else and returns the exit status of pid.
func wait(pid int) (int, error) {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for the command: %w", err)
		case got != pid:
			continue
		}
		reapAll()
		if ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return ws.ExitStatus(), nil
	}
}

// reapAll kills whatever the command left running. Process 1 may signal -1: everything but itself.
func reapAll() {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		// The signal is repeated because a process may fork between two looks.
		_ = unix.Kill(-1, unix.SIGKILL) // ESRCH: nothing left, which wait reports too
		got, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.ECHILD) {
			return
		}
		if got == 0 {
			time.Sleep(2 * time.Millisecond)
		}
	}
}
