package matrix

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// together is how many cells run at a time: nearly all they do is wait.
const together = "64"

func TestMain(m *testing.M) {
	if os.Getenv("LAB_MATRIX") == "" {
		fmt.Println("matrix: skipped: it needs servers to be installed (make matrix)")
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
