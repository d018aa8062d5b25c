package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/demo"
	"github.com/piranha-lvs/piranha/lab/guest"
	"github.com/piranha-lvs/piranha/lab/relay"
)

// How long a demo may run: one that is a test has to end, one that somebody looks at ends with Ctrl-C.
const (
	scriptTime = 5 * time.Minute
	showTime   = 30 * 24 * time.Hour
	pageTime   = time.Minute // until the panels have to be there
)

// panelsListen is where the panels of router1 are on this machine.
const panelsListen = "127.0.0.1:3636"

// showDemo is lab demo. It runs twice: outside, to choose a kernel and look at the terminal, and inside.
func showDemo(args []string) int {
	fs := flag.NewFlagSet("lab demo", flag.ContinueOnError)
	script := fs.Bool("script", false, "end after the tour, with status 0 if everything went as it should")
	kernel := fs.String("kernel", "auto", "kernel to run on: host, uml or auto")
	bin := fs.String("bin", os.Getenv("PIRANHA_BIN"), "directory of pulse, lvs and nanny")
	inside := fs.Bool("inside", false, "for lab itself: show it on this kernel")
	live := fs.Bool("live", false, "for lab itself: the output is a terminal")
	panels := fs.String("panels", "", "address of this machine where the panels of router1 are (default "+panelsListen+", with -script a free port)")
	rows := fs.Int("rows", 0, "for lab itself: its height")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if *bin == "" {
		*bin = "bin"
	}
	if *inside {
		return report(runDemo(demo.Options{Bin: *bin, In: os.Stdin, Out: os.Stdout, Live: *live, Rows: *rows, Stay: !*script, Panels: *panels, Line: guest.Line}))
	}
	switch {
	case *panels != "":
	case *script:
		*panels = "127.0.0.1:0"
	default:
		*panels = panelsListen
	}
	return outsideDemo(*kernel, *bin, *panels, *script)
}

func outsideDemo(kernel, bin, panels string, script bool) int {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return report(err)
	}
	for _, name := range []string{"pulse", "lvs", "nanny", "piranha-gui", "piranha-passwd"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return report(fmt.Errorf("%w (make build)", err))
		}
	}
	self, err := os.Executable()
	if err != nil {
		return report(err)
	}
	listener, err := net.Listen("tcp", panels)
	if err != nil {
		return report(fmt.Errorf("%w (-panels=ADDR:PORT has them elsewhere)", err))
	}
	defer listener.Close()
	url := "https://" + listener.Addr().String()
	argv := []string{self, "demo", "-inside", "-bin", bin, "-panels", url}
	limit := showTime
	switch {
	case script:
		argv, limit = append(argv, "-script"), scriptTime
	case isTerminal(os.Stdout):
		argv = append(argv, "-live", "-rows", strconv.Itoa(height(os.Stdout)))
	}
	f := runFlags{kernel: kernel, memory: "512M", timeout: limit, bin: bin, argv: argv}
	f.line = func(line io.ReadWriteCloser) { _ = relay.Forward(listener, line) } // until the listener is closed
	seen := make(chan error, 1)
	if script {
		go func() { seen <- signInPage(url) }()
	} else {
		seen <- nil
	}
	if status := f.start(); status != 0 {
		return status
	}
	return report(<-seen)
}

// signInPage returns nil when the panels show it.
func signInPage(url string) error {
	client := &http.Client{Timeout: pageTime, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	for end := time.Now().Add(pageTime); ; time.Sleep(100 * time.Millisecond) {
		resp, err := client.Get(url + "/login")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s/login: %w", url, err)
		}
	}
}

func runDemo(o demo.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return demo.Run(ctx, o)
}

// height is the number of lines of a terminal, 0 if it does not tell.
func height(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Row)
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
