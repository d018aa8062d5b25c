package lvs

import (
	"strings"
	"testing"
	"testing/synctest"
)

// TestPoolBytes: a text that a line of jobs cannot have as it is, such as one in Latin-1, is sent and expected as it is.
func TestPoolBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, pooled+strings.Replace(two, "scheduler = rr", "scheduler = rr\n\texpect = \"gr\xfc\xdfe\"", 1), nil)
		for name, m := range b.monitors {
			if name == "pool" {
				t.Errorf("the pool was told %q", m.fed.text)
			}
		}
		b.stop()
	})
}
