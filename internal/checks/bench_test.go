package checks

import (
	"net/netip"
	"runtime"
	"testing"
)

func BenchmarkHTTP(b *testing.B) {
	c := mustNew(b, Spec{Kind: HTTP, Addr: listen(b, answers(ok)), Body: "well"})
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Run(b.Context(), nil); !r.Up() {
			b.Fatal(r.Reason())
		}
	}
}

func BenchmarkTLS(b *testing.B) {
	c := mustNew(b, Spec{Kind: TLS, Host: host, Verify: true, Addr: listen(b, over(authority.issue(-1, 1, host), silent))})
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Run(b.Context(), nil); !r.Up() {
			b.Fatal(r.Reason())
		}
	}
}

// TestIdle: a check that waits for its turn holds little, for there may be ten thousand.
func TestIdle(t *testing.T) {
	const n, most = 1000, 1536
	for k := HTTP; k <= Ping; k++ {
		all := make([]*Check, n)
		before := heap()
		for i := range all {
			all[i] = mustNew(t, Spec{Kind: k, Addr: netip.MustParseAddrPort("192.0.2.1:80")})
		}
		each := (heap() - before) / n
		t.Logf("%v: %d bytes", k, each)
		if each > most {
			t.Errorf("%v: %d bytes, want %d at most", k, each, most)
		}
		runtime.KeepAlive(all)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
