package matrix

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
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
	status, err := withRoots(m.Run)
	if err != nil {
		panic(err)
	}
	os.Exit(status)
}

// roots is the authority that nannies trust.
var roots *authority

// withRoots runs the tests with an authority. Nannies find it where any Go program looks for the roots of its system.
func withRoots(tests func() int) (int, error) {
	dir, err := os.MkdirTemp("", "matrix-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if roots, err = newAuthority("Roots of the matrix"); err != nil {
		return 0, err
	}
	path := filepath.Join(dir, "roots.pem")
	if err := errors.Join(roots.write(path), os.Setenv("SSL_CERT_FILE", path), os.Setenv("SSL_CERT_DIR", dir)); err != nil {
		return 0, err
	}
	return tests(), nil
}
