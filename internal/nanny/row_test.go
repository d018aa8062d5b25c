package nanny

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// kernel is a table with one service, which may be missing, and room for one destination.
type kernel struct {
	noService bool
	broken    error // of dial
	weight    int   // of the row, -1 without one
	ops       []string
}

func (k *kernel) dial() (table, error) { return k, k.broken }

func (k *kernel) Close() error { return nil }

func (k *kernel) Apply(ops []ipvs.Op) error {
	var errs []error
	for _, o := range ops {
		if err := k.apply(o); err != nil {
			errs = append(errs, &ipvs.OpError{Op: o, Err: err})
		}
	}
	return errors.Join(errs...)
}

func (k *kernel) apply(o ipvs.Op) error {
	k.ops = append(k.ops, map[ipvs.OpKind]string{ipvs.AddDestination: "add", ipvs.SetDestination: "set", ipvs.RemoveDestination: "remove"}[o.Kind])
	switch {
	case k.noService:
		return unix.ESRCH
	case o.Kind == ipvs.AddDestination && k.weight >= 0:
		return unix.EEXIST
	case o.Kind != ipvs.AddDestination && k.weight < 0:
		return unix.ENOENT
	case o.Kind == ipvs.RemoveDestination:
		k.weight = -1
	default:
		k.weight = o.Destination.Weight
	}
	return nil
}

func newRow(k *kernel, quiesce bool) *row {
	return &row{
		dial:        k.dial,
		log:         eventlog.New("nanny", 0, false),
		service:     ipvs.Service{Key: ipvs.ServiceKey{Mark: 1, Family: ipvs.IPv4}},
		destination: ipvs.Destination{Addr: netip.MustParseAddrPort("10.0.0.1:80"), Forward: ipvs.Masq, Weight: 100},
		quiesce:     quiesce,
	}
}

// Steps are + (up), - (down), x (withdraw), ? (not known yet).
func TestRow(t *testing.T) {
	tests := []struct {
		name    string
		quiesce bool
		weight  int // of the row that is there at the start
		steps   string
		ops     string
		want    int
	}{
		{"nothing is known", false, -1, "??x", "", -1},
		{"up at once with the full weight", false, -1, "?+++", "add", 100},
		{"down and up", false, -1, "+--+", "add remove add", 100},
		{"left over row, up", false, 3, "+", "add set", 100},
		{"left over row, down", false, 3, "--", "remove", -1},
		{"no row, down", false, -1, "--+", "remove add", 100},
		{"terminated", false, -1, "+x", "add remove", -1},
		{"terminated while down", false, -1, "+-x", "add remove", -1},
		{"quiesced", true, -1, "+--", "add set", 0},
		{"quiesced and back", true, -1, "+-+", "add set set", 100},
		{"quiesced, never up", true, -1, "---", "set", -1},
		{"quiesced, left over row", true, 3, "-", "set", 0},
		{"quiesced and terminated", true, -1, "+-x", "add set remove", -1},
	}
	for _, tt := range tests {
		k := &kernel{weight: tt.weight}
		r := newRow(k, tt.quiesce)
		for _, step := range tt.steps {
			err := error(nil)
			if step == 'x' {
				err = r.withdraw()
			} else {
				err = r.publish(Standing{Known: step != '?', Up: step == '+'})
			}
			if err != nil {
				t.Errorf("%s: step %c: %v", tt.name, step, err)
			}
		}
		if got := strings.Join(k.ops, " "); got != tt.ops || k.weight != tt.want {
			t.Errorf("%s: got %q, weight %d, want %q, weight %d", tt.name, got, k.weight, tt.ops, tt.want)
		}
	}
}

func TestRowHandsOfOthers(t *testing.T) {
	k := &kernel{weight: -1}
	r := newRow(k, true)
	up, down := Standing{Known: true, Up: true}, Standing{Known: true}
	for _, s := range []Standing{up, down} {
		if err := r.publish(s); err != nil {
			t.Fatal(err)
		}
	}
	k.weight = -1 // somebody removed the quiesced row
	if err := r.publish(up); err != nil || k.weight != 100 {
		t.Errorf("got %v, weight %d, want the row again", err, k.weight)
	}
}

func TestRowTrouble(t *testing.T) {
	up, down := Standing{Known: true, Up: true}, Standing{Known: true}
	k := &kernel{weight: -1, broken: ipvs.ErrNoIPVS}
	r := newRow(k, false)
	if err := r.publish(up); err != nil || r.fault == "" {
		t.Errorf("without IPVS: got %v, fault %q, want to go on and a fault", err, r.fault)
	}
	k.broken = nil
	if err := r.publish(up); err != nil || k.weight != 100 || r.fault != "" {
		t.Errorf("with IPVS again: got %v, weight %d, fault %q, want the row", err, k.weight, r.fault)
	}
	k.broken = unix.EPERM
	if err := r.withdraw(); err == nil {
		t.Error("withdraw without permission: got no error, want one")
	}
	k.broken, k.noService = nil, true
	if err := r.publish(down); err != nil {
		t.Errorf("down without the service: got %v, want nil", err)
	}
	if err := r.publish(up); !errors.Is(err, errNoService) {
		t.Errorf("up without the service: got %v, want %v", err, errNoService)
	}
}
