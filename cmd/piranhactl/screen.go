package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Sequences of ECMA-48 and, for the other screen, of xterm.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the other screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	endOfLine   = "\x1b[K" // clear to the end of the line
	endOfScreen = "\x1b[J"
)

// screen is a terminal whose screen is ours. nil stands for output that is none.
type screen struct {
	in, out *os.File
	before  *unix.Termios
	keys    chan byte
}

// openScreen takes a terminal over, if in and out are one: keys come at once and are not shown. It has to be closed.
func openScreen(in io.Reader, out io.Writer) (*screen, error) {
	i, isFile := in.(*os.File)
	o, isFileToo := out.(*os.File)
	if !isFile || !isFileToo {
		return nil, nil
	}
	if _, err := unix.IoctlGetTermios(int(o.Fd()), unix.TCGETS); err != nil {
		return nil, nil
	}
	before, err := unix.IoctlGetTermios(int(i.Fd()), unix.TCGETS)
	if err != nil {
		return nil, nil
	}
	s := &screen{in: i, out: o, before: before, keys: make(chan byte)}
	raw := *before
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	raw.Cc[unix.VSUSP] = 0 // a shell would get our screen
	if err := unix.IoctlSetTermios(int(i.Fd()), unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	if _, err := o.WriteString(enterScreen); err != nil {
		s.close()
		return nil, err
	}
	go s.read()
	return s, nil
}

// read passes on keys until the program ends: nobody wakes a terminal's reader.
func (s *screen) read() {
	var b [1]byte
	for {
		if n, err := s.in.Read(b[:]); err != nil || n == 0 {
			return
		}
		s.keys <- b[0]
	}
}

// close gives the terminal back as it was.
func (s *screen) close() {
	if s == nil {
		return
	}
	_, _ = s.out.WriteString(leaveScreen)
	_ = unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, s.before)
}

// show fills the screen with what text gives for its width and height.
func (s *screen) show(text func(width, height int) string) error {
	width, height := topWidth, 24
	if size, err := unix.IoctlGetWinsize(int(s.out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Row > 1 {
		width, height = int(size.Col), int(size.Row)
	}
	lines := strings.TrimSuffix(text(width, height), "\n")
	_, err := s.out.WriteString(home + strings.ReplaceAll(lines, "\n", endOfLine+"\n") + endOfLine + endOfScreen)
	return err
}
