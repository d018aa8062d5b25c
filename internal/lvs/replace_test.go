package lvs

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestAllReplaced: a reload that names other real servers only leaves those there were until one of the new ones is up, or all of
// them are down.
func TestAllReplaced(t *testing.T) {
	const rowC, rowD = "-t 192.0.2.1:80 -r 10.0.0.3:80", "-t 192.0.2.1:80 -r 10.0.0.4:80"
	other := strings.NewReplacer("10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.4").Replace(two)
	for name, tt := range map[string]struct {
		say  []string // what the monitors of the new ones report in turn
		want [][]string
	}{
		"one up":   {[]string{"10.0.0.3 up", "10.0.0.4 up"}, [][]string{{"-a " + rowC + " -m -w 1", "-d " + rowA, "-d " + rowB}, {"-a " + rowD + " -m -w 1"}}},
		"all down": {[]string{"10.0.0.3 down refused", "10.0.0.4 down refused"}, [][]string{nil, {"-d " + rowA, "-d " + rowB}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, two, nil)
				b.say("10.0.0.1", "up")
				b.say("10.0.0.2", "up")
				b.kernel.took()
				b.write(other)
				b.signal(syscall.SIGHUP)
				b.wantWrites()
				for i, said := range tt.say {
					server, line, _ := strings.Cut(said, " ")
					b.say(server, line)
					b.wantWrites(tt.want[i]...)
				}
				b.stop()
			})
		})
	}
}
