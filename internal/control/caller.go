package control

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operators is a group whose members may tell the daemons what to do: the web panels' process is in it, and what lvs.cf
// names runs as the same user and is not.
const Operators = "piranha-operator"

// caller is the process at the other end of a connection, as the kernel tells of it.
type caller struct {
	uid    uint32
	groups []uint32
}

// callerKey is where a request's context keeps its caller.
type callerKey struct{}

func withCaller(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	who, err := callerOf(u)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, who)
}

func callerOf(c *net.UnixConn) (who caller, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return who, err
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) {
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who.groups = peerGroups(fd)
		}
	})
	if err := errors.Join(failed, err); err != nil {
		return who, err
	}
	who.uid = cred.Uid
	who.groups = append(who.groups, cred.Gid)
	return who, nil
}

// maxGroups is how many of a caller's groups are looked at.
const maxGroups = 256

// peerGroups are the supplementary groups of the process at the other end of a socket. One with more than maxGroups has none.
func peerGroups(fd uintptr) []uint32 {
	groups := make([]uint32, maxGroups)
	size := uint32(4 * maxGroups)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
		uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return nil
	}
	return groups[:size/4]
}

// Privileged guards a call that is for root and for the user the daemon runs as. Who may read is up to the socket's mode.
func Privileged(h http.HandlerFunc) http.HandlerFunc {
	return guard(h, "only root may do that", caller.master)
}

// Operated guards a call that operators may make as well.
func Operated(h http.HandlerFunc) http.HandlerFunc {
	return guard(h, "only root and group "+Operators+" may do that", func(c caller) bool { return c.master() || c.operator(operators()) })
}

func guard(h http.HandlerFunc, refusal string, may func(caller) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c, known := r.Context().Value(callerKey{}).(caller); !known || !may(c) {
			Fail(w, http.StatusForbidden, refusal)
			return
		}
		h(w, r)
	}
}

func (c caller) master() bool { return c.uid == 0 || int(c.uid) == os.Geteuid() }

// operator tells whether the caller is in a group; below 0: there is none.
func (c caller) operator(gid int64) bool { return gid >= 0 && slices.Contains(c.groups, uint32(gid)) }

// operators is the group's number, -1 if there is no such group.
func operators() int64 {
	g, err := user.LookupGroup(Operators)
	if err != nil {
		return -1
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil || gid == 0 {
		return -1
	}
	return int64(gid)
}
