package guest

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// Descriptors that HostInit gets: the job, and where to report.
const (
	jobFD    = 3
	reportFD = 4
)

// HostInit is process 1 of fresh namespaces on the machine's own kernel. The status it returns is for the process to
// end with.
func HostInit() int {
	report := os.NewFile(reportFD, "report")
	unix.CloseOnExec(reportFD)
	conn := wire.New(report)
	status, err := hostRun()
	if err == nil {
		err = conn.WriteStatus(status)
	} else {
		err = conn.Write(wire.Failed, []byte(err.Error()))
	}
	if err != nil {
		return 1 // nobody is left to tell
	}
	return 0
}

func hostRun() (int, error) {
	jobs := os.NewFile(jobFD, "job")
	text, err := io.ReadAll(jobs)
	if err != nil {
		return 0, fmt.Errorf("read job: %w", err)
	}
	jobs.Close()
	job, err := wire.DecodeJob(text)
	if err != nil {
		return 0, err
	}
	sigs := make(chan os.Signal, 8)
	signal.Notify(sigs, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	if err := isolate(job.Out); err != nil {
		return 0, err
	}
	pid, status, err := start(job, "host", [3]uintptr{0, 1, 2})
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return status, nil
	}
	go func() {
		for sig := range sigs {
			if number, ok := sig.(syscall.Signal); ok {
				_ = unix.Kill(-pid, number) // gone already: nothing to deliver
			}
		}
	}()
	return wait(pid)
}

// isolate gives the namespaces the same look as a booted kernel has: the machine's files read-only, memory where
// daemons write.
func isolate(out string) error {
	// Held open across the mounts: the directory may lie below one that is about to be covered.
	outFD, err := unix.Open(out, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open out directory: %w", err)
	}
	defer unix.Close(outFD)
	if err := (mount{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""}).do(); err != nil {
		return err
	}
	if err := (mount{"proc", "/proc", "proc", 0, ""}).do(); err != nil {
		return err
	}
	if err := (mount{"sysfs", "/sys", "sysfs", 0, ""}).do(); err != nil {
		return err
	}
	if err := mountPrivate(); err != nil {
		return err
	}
	if err := (mount{"/proc/self/fd/" + strconv.Itoa(outFD), wire.OutDir, "", unix.MS_BIND, ""}).do(); err != nil {
		return err
	}
	if err := (mount{"", "/", "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY, ""}).do(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return loopbackUp()
}
