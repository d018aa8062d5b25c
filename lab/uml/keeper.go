package uml

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// KeeperCommand is the hidden lab command that runs Keep.
const KeeperCommand = "keeper"

// Keep runs the kernel given by argv and ends with it, or ends it when life ends: that is how the death of the process
// that wanted the kernel shows, whatever killed it. Keep is process 1 of a namespace where that is possible. The kernel
// itself cannot be: it ends a panic with a signal to itself, which process 1 would never receive.
func Keep(argv []string, life io.Reader) error {
	if len(argv) == 0 {
		return fmt.Errorf("keep: no kernel given")
	}
	// A kernel that panics must not leave a file with its memory behind.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	// The kernel inherits the thread's processor and must not outlive the thread.
	runtime.LockOSThread()
	defer pinThread()()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	for fd := range uintptr(serialFDs) {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(3+fd, "line"))
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start kernel: %w", err)
	}
	for _, line := range cmd.ExtraFiles {
		line.Close() // so that the other side sees the kernel's end
	}
	group := -cmd.Process.Pid
	go func() {
		_, _ = io.Copy(io.Discard, life)
		// All processes of the kernel are in one group and must end in one go: a process whose tracer is gone would
		// run on, making system calls on this machine.
		_ = unix.Kill(group, unix.SIGKILL)
	}()
	_ = cmd.Wait()                     // how the kernel ended does not matter: init reports the status
	_ = unix.Kill(group, unix.SIGKILL) // helpers of a kernel that crashed
	return nil
}

// pinThread binds the calling thread, and what it starts, to one processor and returns a function that gives the
// claim on it up. The kernel and the processes inside take turns at every system call; on one processor a turn costs
// a quarter of what it costs across two. Kernels of several labs are spread over the processors.
func pinThread() (release func()) {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil || before.Count() < 2 {
		return func() {}
	}
	var cpus []int
	for cpu := range len(before) * 64 {
		if before.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	chosen, claim := cpus[os.Getpid()%len(cpus)], -1
	for _, cpu := range cpus {
		if claim = claimCPU(cpu); claim >= 0 {
			chosen = cpu
			break
		}
	}
	var one unix.CPUSet
	one.Set(chosen)
	_ = unix.SchedSetaffinity(0, &one) // slower, no worse
	return func() {
		_ = unix.SchedSetaffinity(0, &before)
		if claim >= 0 {
			unix.Close(claim)
		}
	}
}

// claimCPU takes a name that only one process can have and that vanishes with it. It returns -1 when taken.
func claimCPU(cpu int) int {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@piranha-lab-cpu%d", cpu)}); err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}
