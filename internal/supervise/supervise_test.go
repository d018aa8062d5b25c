package supervise

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain lets the test binary play the child.
func TestMain(m *testing.M) {
	switch os.Getenv("SUPERVISE_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "talk":
		os.NewFile(3, "report").WriteString("up\ndown connect refused\nlast")
	case "repeat":
		_, _ = io.Copy(os.NewFile(3, "report"), os.Stdin)
	case "deaf":
		os.NewFile(3, "report").WriteString("up\n")
	case "talk on 1":
		os.Stdout.WriteString("[ active ] x\n")
	case "hang":
		os.NewFile(3, "report").WriteString("up\n")
		time.Sleep(time.Minute)
	case "fork and leave":
		child := exec.Command("/bin/sleep", "3")
		child.ExtraFiles = []*os.File{os.NewFile(3, "report")}
		if err := child.Start(); err != nil {
			panic(err)
		}
		os.NewFile(3, "report").WriteString("up\n")
	}
}

func self(t *testing.T, role string, fd int) Command {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{Path: path, Args: []string{"child"}, Env: []string{"SUPERVISE_TEST_CHILD=" + role, "GORACE=atexit_sleep_ms=0"}, ReportFD: fd}
}

func always(c Command) func() Command { return func() Command { return c } }

// said runs a child until it ends by itself and returns its lines and its end.
func said(t *testing.T, c Command) ([]string, error) {
	t.Helper()
	var got []string
	err := Run(t.Context(), c, func(e Event) {
		if e.Pid == 0 {
			got = append(got, e.Line)
		}
	})
	return got, err
}

func TestLines(t *testing.T) {
	got, err := said(t, self(t, "talk", 3))
	if want := []string{"up", "down connect refused", "last"}; !slices.Equal(got, want) || !errors.Is(err, errEnded) {
		t.Errorf("child said %q, %v, want %q", got, err, want)
	}
	got, _ = said(t, self(t, "talk on 1", 1))
	if want := []string{"[ active ] x"}; !slices.Equal(got, want) {
		t.Errorf("child said %q on its output, want %q", got, want)
	}
}

func TestGrandchildWithThePipeDelaysNothing(t *testing.T) {
	got, err := said(t, self(t, "fork and leave", 3))
	if !slices.Equal(got, []string{"up"}) || !errors.Is(err, errEnded) {
		t.Errorf("child said %q, %v", got, err)
	}
}

// TestLongLine: what is too long to be kept is told once, and no part of it as a line.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		text string
		want []Event
	}{
		{long[1:] + "\nup\n", []Event{{Line: long[1:]}, {Line: "up"}}},
		{long + "up\ndown\n", []Event{{Long: long}, {Line: "down"}}},
		{long + long + "up\n\nx", []Event{{Long: long}, {}, {Line: "x"}}},
		{long + long, []Event{{Long: long}}},
	} {
		var got []Event
		lines(strings.NewReader(tt.text), func(e Event) { got = append(got, e) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("of %d bytes: events %q, want %q", len(tt.text), got, tt.want)
		}
	}
}

func TestStopEndsTheChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pid := 0
	Keep(ctx, always(self(t, "hang", 3)), Backoff{}, func(e Event) {
		if e.Pid != 0 {
			pid = e.Pid
		}
		if e.Line == "up" {
			cancel()
		}
	})
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("child %d after Keep returned: %v, want no such process", pid, err)
	}
}

// TestNoThreadForEachChild: a thousand children shall not cost a thousand threads.
func TestNoThreadForEachChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	const children = 100
	var up, ended sync.WaitGroup
	up.Add(children)
	for range children {
		ended.Go(func() {
			Keep(ctx, always(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo up >&3; exec sleep 60"}, ReportFD: 3}), Backoff{}, func(e Event) {
				if e.Line == "up" {
					up.Done()
				}
			})
		})
	}
	up.Wait()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) > children/2 {
		t.Errorf("%d threads for %d children", len(threads), children)
	}
	cancel()
	ended.Wait()
}

func TestChildThatIgnoresTheSignalIsKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	Keep(ctx, always(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "trap '' TERM; echo up >&3; while :; do sleep 3; done"}, ReportFD: 3}),
		Backoff{}, func(e Event) {
			if e.Line == "up" {
				cancel()
			}
		})
	if took := time.Since(began); took < Grace {
		t.Errorf("ended after %v although it ignores SIGTERM; want the kill after %v", took, Grace)
	}
}

func TestEndIsSaidInTheOriginalsWords(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3": "exited with status 3", "kill -9 $$": "terminated with signal 9", "exit 0": "exited with status 0",
	} {
		err := Run(t.Context(), Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}, ReportFD: 3}, func(Event) {})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", script, err, want)
		}
	}
}

func TestComplaintsAreLines(t *testing.T) {
	c := Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo up >&3; echo nothing; echo sh: cannot >&2"}, ReportFD: 3, Complains: true}
	if got, err := said(t, c); !slices.Equal(got, []string{"up", "sh: cannot"}) {
		t.Errorf("child said %q, %v, want its report and its standard error", got, err)
	}
	c.Complains = false
	if got, err := said(t, c); !slices.Equal(got, []string{"up"}) {
		t.Errorf("child said %q, %v, want its report alone", got, err)
	}
}

func TestMissingProgram(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	Keep(ctx, always(Command{Path: "/no/such/nanny", ReportFD: 3}), Backoff{}, func(e Event) {
		if !errors.Is(e.Died, os.ErrNotExist) {
			t.Errorf("event %+v, want an ErrNotExist death", e)
		}
		cancel()
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := []time.Duration{0, 0, 0, 0, 0, 20 * time.Second, 0}
		want := []time.Duration{1, 2, 4, 5, 5, 1, 2} // seconds between a death and the next start
		var got []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		var died time.Time
		keep(ctx, Backoff{First: time.Second, Max: 5 * time.Second, Settled: 10 * time.Second}, func(Event) { died = time.Now() }, func() error {
			if !died.IsZero() {
				got = append(got, time.Since(died)/time.Second)
			}
			if len(got) == len(runs) {
				cancel()
				return errEnded
			}
			time.Sleep(runs[len(got)])
			return errEnded
		})
		if !slices.Equal(got, want) {
			t.Errorf("pauses %v, want %v", got, want)
		}
	})
}

// TestFeed: a child can be told things, and one that does not listen holds nothing up.
func TestFeed(t *testing.T) {
	c := self(t, "repeat", 3)
	c.Feed = func(_ context.Context, w io.Writer) { _, _ = io.WriteString(w, "one\ntwo\n") }
	if got, err := said(t, c); !slices.Equal(got, []string{"one", "two"}) || !errors.Is(err, errEnded) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, feed := range []func(context.Context, io.Writer){
		func(ctx context.Context, _ io.Writer) { <-ctx.Done() },
		func(_ context.Context, w io.Writer) {
			for full := make([]byte, 1<<20); ; {
				if _, err := w.Write(full); err != nil {
					return
				}
			}
		},
	} {
		c = self(t, "deaf", 3)
		c.Feed = feed
		if got, err := said(t, c); !slices.Equal(got, []string{"up"}) || !errors.Is(err, errEnded) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	c = self(t, "hang", 3)
	ctx, cancel := context.WithCancel(t.Context())
	c.Feed = func(ctx context.Context, _ io.Writer) { <-ctx.Done() }
	if err := Run(ctx, c, func(e Event) {
		if e.Line != "" {
			cancel()
		}
	}); err == nil {
		t.Error("no error")
	}
}
