package e2e

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/piranha-lvs/piranha/lab/guest"
)

// processors is for how many threads Go may run at once on the lab's one processor: with one, real servers, clients and the clock
// that measures stalls would stand still whenever a program is started.
const processors = 4

func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(processors)
	if err := guest.Inside(); err != nil {
		fmt.Println("e2e: skipped:", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}
