package diff

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnified has patch(1) make one text of the other.
func TestUnified(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("patch is not installed")
	}
	long := strings.Repeat("same\n", 20)
	for _, test := range []struct{ old, now string }{
		{"a\nb\nc\n", "a\nx\nc\n"}, {"", "a\n"}, {"a\n", ""}, {"a", "a\n"}, {"a\nb", "a\nc"},
		{long + "a\n" + long + "b\n" + long, long + "A\nmore\n" + long + long + "end"},
		{"x\n" + long, long}, {long, long + "x\n"}, {"-a\n+b\n", "+b\n-a\n"},
	} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(test.old), 0o600); err != nil {
			t.Fatal(err)
		}
		text := Unified(Lines(test.old, test.now), "old", "now")
		cmd := exec.Command(patch, "--fuzz=0", file)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		got, readErr := os.ReadFile(file)
		if err != nil || readErr != nil && test.now != "" || string(got) != test.now {
			t.Errorf("%q to %q: %v, %s; got %q by\n%s", test.old, test.now, err, out, got, text)
		}
		if strings.Contains(string(out), "offset") {
			t.Errorf("%q to %q: %s", test.old, test.now, out)
		}
	}
	if text := Unified(Lines(long, long), "old", "now"); text != "" {
		t.Errorf("no difference is %q", text)
	}
}
