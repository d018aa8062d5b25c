package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/piranha-lvs/piranha/lab/guest"
)

func TestMain(m *testing.M) {
	if err := guest.Inside(); err != nil {
		fmt.Println("e2e: skipped:", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}
