package pulse

import (
	"testing"
	"time"
)

func TestAlarm(t *testing.T) {
	a, err := newAlarm()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { a.wait(); close(ended) }()
	for _, at := range []time.Time{time.Now(), time.Now().Add(-time.Hour), time.Now().Add(time.Millisecond)} {
		if err := a.set(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := a.set(at); err != nil {
			t.Fatal(err)
		}
		<-a.C
		if time.Now().Before(at) {
			t.Errorf("went off %v early", time.Until(at))
		}
	}
	if err := a.set(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := a.set(time.Time{}); err != nil {
		t.Fatal(err)
	}
	a.close()
	<-ended
	select {
	case <-a.C:
		t.Error("went off although it was not set")
	default:
	}
}
