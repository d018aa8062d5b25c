package matrix

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
)

// poolID is the server that a pool checks in place of a nanny; no report of a nanny begins with it.
const poolID = "17"

// pooled tells whether each server is checked by a pool instead of a nanny: LAB_MATRIX=pooled.
func pooled() bool { return os.Getenv("LAB_MATRIX") == "pooled" }

// command is a nanny with the options, or a pool that is told to check what the nanny would.
func command(t testing.TB, options ...string) *exec.Cmd {
	t.Helper()
	if !pooled() {
		return exec.Command(binary(t, "nanny"), append(options, "--report-fd=3")...)
	}
	job, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	jobs, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		jobs.Close()
		told.Close()
	})
	go func() { _, _ = io.WriteString(told, "add "+poolID+" "+string(job)+"\n") }()
	cmd := exec.Command(binary(t, "nanny"), "--pool", "--report-fd=3")
	cmd.Stdin = jobs
	return cmd
}
