package supervise

import (
	"os"
	"slices"
	"testing"
	"time"
)

// TestReport: what a child has said before its end is told, however late that is read, and nobody who holds the pipe open is
// waited for.
func TestReport(t *testing.T) {
	said, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	defer say.Close()
	if _, err := say.WriteString("up\nlast"); err != nil {
		t.Fatal(err)
	}
	if err := said.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	var got []string
	lines(newReport(said), func(e Event) { got = append(got, e.Line) })
	if want := []string{"up", "last"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestReportOfTheTalkative: nor does a grandchild that never stops talking.
func TestReportOfTheTalkative(t *testing.T) {
	said, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for err == nil {
			_, err = say.WriteString("more\n")
		}
	}()
	if err := said.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	lines(newReport(said), func(Event) {})
	said.Close()
	<-ended
	say.Close()
}
