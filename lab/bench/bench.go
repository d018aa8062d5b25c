// Package bench measures how long clients go without the service when the active router crashes, and when an operator
// hands the service over: with this suite and with keepalived, in turn, on one kernel.
package bench

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/lab/client"
)

// Names of the products.
const (
	Piranha    = "piranha"
	Keepalived = "keepalived"
)

// Options say what to measure.
type Options struct {
	Bin     string // directory of pulse, lvs and nanny
	Setting Setting
	Kinds   []Kind
	Runs    int           // of each product and kind
	Period  time.Duration // between two requests of the client
	Log     io.Writer     // a line for each run
	Verbose bool          // with what the programs print meanwhile
}

// block is how many runs of each kind a cluster makes before the other product has its turn. Both meet the same noise
// of the machine, and few starts are needed.
const block = 5

// beats is how many heartbeats the standby has heard before anything happens: one that has just started may hold back for
// as long as it does not know whether the other is going to act on the same news.
const beats = 3

// standstill is how many periods between two requests of the client, which goes before everything else, show that the
// machine under the kernel was busy elsewhere. maxTries is how many such runs in a row are too many.
const (
	standstill = 10
	maxTries   = 10
)

// FindKeepalived returns the path of keepalived.
func FindKeepalived() (string, error) {
	for _, name := range []string{"keepalived", "/usr/sbin/keepalived"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("keepalived is not installed (apt-get install keepalived)")
}

// Run measures both products at one setting.
func Run(o Options) (*Report, error) {
	path, err := FindKeepalived()
	if err != nil {
		return nil, err
	}
	if err := preferSelf(); err != nil {
		return nil, err
	}
	rep := &Report{Period: o.Period}
	if rep.Keepalived, err = keepalivedVersion(path); err != nil {
		return nil, err
	}
	if rep.Kernel, err = kernelVersion(); err != nil {
		return nil, err
	}
	products := []product{piranha{o.Bin, o.Setting}, keepalived{path, o.Setting}}
	for done, turn := 0, 0; done < o.Runs; done, turn = done+block, turn+1 {
		for i := range products {
			// Who goes first changes, too.
			p := products[(i+turn)%len(products)]
			b := series{Options: o, product: p, first: done, runs: min(block, o.Runs-done)}
			if err := b.measure(rep, 1+turn%2); err != nil {
				return nil, fmt.Errorf("%s at %s: %w", p.name(), o.Setting.Name(), err)
			}
		}
	}
	return rep, nil
}

// series is one block of runs with one product.
type series struct {
	Options
	product product
	cluster *cluster
	first   int // number of the first run
	runs    int
}

// measure builds a cluster, makes the runs and adds their samples to the report.
func (s series) measure(rep *Report, first int) (err error) {
	s.cluster, err = newCluster(s.product, first)
	defer s.cluster.close()
	if err != nil {
		return err
	}
	moves := 1
	for _, kind := range s.Kinds {
		for n := s.first; n < s.first+s.runs; n++ {
			tries, err := s.add(rep, kind, n)
			if err != nil {
				return fmt.Errorf("%s %d: %w", kind, n+1, err)
			}
			moves += tries
		}
	}
	unasked := s.cluster.takeovers() - moves
	rep.unasked(s.Setting, s.product.name(), unasked)
	if unasked > 0 && s.Verbose {
		s.logs(time.Time{})
	}
	return nil
}

// add makes a run and adds its sample to the report. A run in which the machine stood still is made again: it says
// nothing about the products. add returns how often it was made.
func (s series) add(rep *Report, kind Kind, n int) (tries int, err error) {
	for tries = 1; tries <= maxTries; tries++ {
		sample, err := s.run(kind, n)
		if err != nil {
			return tries, err
		}
		fmt.Fprintf(s.Log, "%-6s %-10s %-10s run %2d: %7.1f ms; %d requests lost, %d of them elsewhere; longest stall %.1f ms\n",
			s.Setting.Name(), s.product.name(), kind, n+1, ms(sample.Outage), sample.Lost, sample.Stray, ms(sample.Stall))
		if sample.Stall <= standstill*s.Period {
			rep.add(s.Setting, s.product.name(), kind, sample)
			return tries, nil
		}
		rep.repeated(s.Setting, s.product.name())
	}
	return tries, fmt.Errorf("the machine stood still in %d runs one after the other", maxTries)
}

// run makes one run: a settled pair loses its active router, or is told to change places.
func (s series) run(kind Kind, n int) (Sample, error) {
	c := s.cluster
	active, standby, err := c.settle()
	if err != nil {
		return Sample{}, err
	}
	pids, err := active.pids()
	if err != nil {
		return Sample{}, err
	}
	w := startWatch(c.net.Client(), s.Period)
	defer w.cancel()
	if err := w.calm(); err != nil {
		return Sample{}, c.explain(err)
	}
	quiet := time.Now()
	if err := awaitBeats(standby.node, active.addr(), beats); err != nil {
		return Sample{}, c.explain(err)
	}
	event := time.Now()
	var finish func() error
	if kind == Crash {
		finish, err = s.crash(active, n, pids)
	} else {
		finish, err = s.switchOver(active, standby)
	}
	if err == nil {
		err = w.served()
	}
	if err != nil {
		return Sample{}, c.explain(err)
	}
	report, err := w.end()
	if err != nil {
		return Sample{}, err
	}
	if s.Verbose {
		s.tell(event, report.Results)
	}
	return judge(report.Results, quiet), finish()
}

// crash cuts the active router off and kills everything on it, a certain time after the heartbeat that the other router
// has just heard. The function returned brings the router back.
func (s series) crash(active *router, n int, pids []int) (func() error, error) {
	time.Sleep(time.Duration(phase(n) * float64(s.Setting.Keepalive)))
	if err := active.crash(pids); err != nil {
		return nil, err
	}
	return func() error {
		if err := active.reboot(); err != nil {
			return err
		}
		return active.start(s.product.argv(active))
	}, nil
}

// switchOver hands the service over and waits until the standby has taken it. Where it is in the end the next run finds
// out: with short timings on a busy machine the routers may change places again.
func (s series) switchOver(active, standby *router) (func() error, error) {
	before := standby.log.count(s.product.took())
	if err := s.product.handOver(active); err != nil {
		return nil, err
	}
	err := await(func() error {
		if standby.log.count(s.product.took()) == before {
			return fmt.Errorf("%s has not taken over", standby.node.Name)
		}
		return nil
	})
	return func() error { return s.product.comeBack(active) }, err
}

// tell prints what the programs have printed since a time, and how the requests fared that were sent since then: the
// time a reply took in milliseconds, or ! for none.
func (s series) tell(since time.Time, results []client.Result) {
	var fates strings.Builder
	for _, r := range results {
		switch {
		case r.At.Before(since):
		case r.Err != nil:
			fates.WriteString(" !")
		default:
			fmt.Fprintf(&fates, " %.0f", ms(r.Took))
		}
	}
	fmt.Fprintln(s.Log, "  requests:"+fates.String())
	s.logs(since)
}

// logs prints what the programs have printed since a time.
func (s series) logs(since time.Time) {
	for _, r := range s.cluster.routers {
		for _, l := range r.log.since(since) {
			at := l.at.Format("15:04:05.000")
			if !since.IsZero() {
				at = fmt.Sprintf("%8.1f ms", ms(l.at.Sub(since)))
			}
			fmt.Fprintf(s.Log, "  %s %s %s\n", at, r.node.Name, l.text)
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func kernelVersion() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("ask kernel for its version: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
