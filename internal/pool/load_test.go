package pool

import (
	"runtime"
	"strconv"
	"testing"
)

// TestLoadMemory: the room for what load commands write is not kept for each server.
func TestLoadMemory(t *testing.T) {
	const count, most = 50, 30 << 10
	listening, _ := port(t, says(""))
	b := newBed(t)
	var want []string
	before := heap()
	for i := range count {
		id := strconv.Itoa(i)
		b.add(id, "-p", listening, "-t", "60m", "-U", "/bin/echo load average: 0.25,")
		want = append(want, id+" load 0.25", id+" up")
	}
	b.want(want...)
	if per := (heap() - before) / count; per > most {
		t.Errorf("%d bytes for each", per)
	}
}

// heap is how much memory is in use, in bytes.
func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
