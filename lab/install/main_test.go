package install

import (
	"fmt"
	"os"
	"testing"

	"github.com/piranha-lvs/piranha/lab/guest"
)

func TestMain(m *testing.M) {
	if err := guest.Inside(); err != nil {
		fmt.Println("install: skipped:", err)
		os.Exit(0)
	}
	for _, name := range []string{"DEBIAN_ROOT", "DIST"} {
		if os.Getenv(name) == "" {
			fmt.Println("install: skipped: make package-test sets", name)
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}
