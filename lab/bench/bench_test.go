package bench

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/lab/client"
)

func TestChoose(t *testing.T) {
	for list, want := range map[string]string{"": "1s 100ms 10ms", "10ms": "10ms", "100ms, 1s": "100ms 1s"} {
		chosen, err := Choose(list)
		var names []string
		for _, s := range chosen {
			names = append(names, s.Name())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("Choose(%q) = %s, %v; want %s", list, got, err, want)
		}
	}
	if _, err := Choose("1s,2s"); err == nil || err.Error() != `no setting "2s": there are 1s, 100ms, 10ms` {
		t.Errorf("Choose of an unknown setting: %v", err)
	}
}

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		list []time.Duration
		want Summary
	}{
		{nil, Summary{}},
		{[]time.Duration{5}, Summary{5, 5, 5}},
		{[]time.Duration{9, 1, 4}, Summary{1, 4, 9}},
		{[]time.Duration{8, 2, 4, 10}, Summary{2, 6, 10}},
	} {
		if got := summarize(tt.list); got != tt.want {
			t.Errorf("summarize(%v) = %v, want %v", tt.list, got, tt.want)
		}
	}
}

// TestPhase: every third of the interval gets its share of the runs, however many there are.
func TestPhase(t *testing.T) {
	for _, n := range []int{3, 6, 15, 30} {
		var third [3]int
		for k := range n {
			third[int(phase(k)*3)]++
		}
		for i, got := range third {
			if got < n/3-1 || got > n/3+1 {
				t.Errorf("%d runs: %d of them in third %d, want about %d", n, got, i+1, n/3)
			}
		}
	}
}

// seen makes results out of lines of "start took" in milliseconds; a time of 0 is a failure.
func seen(times ...[2]int) []client.Result {
	began := time.Now()
	var list []client.Result
	for _, t := range times {
		r := client.Result{At: began.Add(time.Duration(t[0]) * time.Millisecond), Took: time.Duration(t[1]) * time.Millisecond}
		if t[1] == 0 {
			r.Took, r.Err = requestTime, errors.New("timeout")
		}
		list = append(list, r)
	}
	return list
}

func TestJudge(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		what string
		seen []client.Result
		want Sample
	}{
		{"nothing", nil, Sample{}},
		{"no outage", seen([2]int{0, 1}, [2]int{5, 1}, [2]int{10, 1}), Sample{Outage: 5 * ms, Stall: 5 * ms}},
		{"an outage, from reply to reply", seen([2]int{0, 1}, [2]int{5, 2}, [2]int{10, 0}, [2]int{15, 0}, [2]int{20, 4}, [2]int{25, 1}), Sample{Outage: 17 * ms, Lost: 2, Stall: 5 * ms}},
		{"a late reply does not lengthen it", seen([2]int{0, 1}, [2]int{5, 13}, [2]int{10, 0}, [2]int{15, 1}, [2]int{20, 1}), Sample{Outage: 15 * ms, Lost: 1, Stall: 5 * ms}},
		{"replies delayed, none lost", seen([2]int{0, 1}, [2]int{5, 30}, [2]int{10, 25}, [2]int{15, 21}), Sample{Outage: 34 * ms, Stall: 5 * ms}},
		{"a second one counts as stray", seen([2]int{0, 1}, [2]int{5, 0}, [2]int{15, 1}, [2]int{20, 0}, [2]int{25, 1}), Sample{Outage: 15 * ms, Lost: 2, Stray: 1, Stall: 10 * ms}},
	} {
		before := client.Result{At: time.Now().Add(-time.Minute), Took: time.Millisecond}
		if got := judge(append([]client.Result{before}, tt.seen...), before.At.Add(1)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.what, got, tt.want)
		}
	}
}

func TestDestinations(t *testing.T) {
	const table = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000264:0050 rr  
  -> 0A0B0C0D:0050      Masq    1      0          0         
  -> 0A0B0C0C:0050      Masq    1      0          0         
`
	if got := destinations(table); got != 2 {
		t.Errorf("destinations = %d, want 2", got)
	}
}

func TestPiranhaConf(t *testing.T) {
	conf := piranha{setting: Settings()[1]}.conf()
	for _, want := range []string{
		"\nkeepalive = 100ms\ndeadtime = 300ms\n", "\nnat_router = 10.11.12.254 eth1:1\n", "\taddress = 192.0.2.100 eth0:1\n",
		"\tserver real3 {\n\t\taddress = 10.11.12.13\n\t\tactive = 1\n\t}\n}\n", `"GET / HTTP/1.0\r\n\r\n"`,
	} {
		if !strings.Contains(conf, want) {
			t.Errorf("no %q in:\n%s", want, conf)
		}
	}
}

func TestKeepalivedConf(t *testing.T) {
	for i, advert := range []string{"1", "0.1", "0.01"} {
		conf := keepalived{setting: Settings()[i]}.conf(2)
		for _, want := range []string{
			"\trouter_id router2\n", "\tpriority 100\n\tadvert_int " + advert + "\n", "\t\t10.11.12.254/24 dev eth1\n",
			"virtual_server 192.0.2.100 80 {\n", "\treal_server 10.11.12.13 80 { # real3\n",
		} {
			if !strings.Contains(conf, want) {
				t.Errorf("no %q in:\n%s", want, conf)
			}
		}
		if strings.Count(conf, "{") != strings.Count(conf, "}") || strings.Contains(conf, "%!") {
			t.Errorf("not well formed:\n%s", conf)
		}
	}
}

// sampled is a report of two boots.
func sampled() *Report {
	all := &Report{}
	for _, s := range Settings()[:2] {
		rep := &Report{Kernel: "6.1", Keepalived: "v2.2.7", Period: 5 * time.Millisecond}
		for i, product := range []string{Piranha, Keepalived} {
			for n := range 3 {
				rep.add(s, product, Crash, Sample{Outage: s.Deadtime + time.Duration(i*n)*s.Keepalive})
			}
		}
		rep.unasked(s, Piranha, 0)
		rep.unasked(s, Keepalived, 2)
		all.Merge(rep)
	}
	return all
}

func TestReport(t *testing.T) {
	text, err := json.Marshal(sampled())
	if err != nil {
		t.Fatal(err)
	}
	var rep Report
	if err := json.Unmarshal(text, &rep); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := rep.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `| Event | Timing         | Product    | Runs |     Min |  Median |     Max | Ratio of medians |
|-------|----------------|------------|-----:|--------:|--------:|--------:|-----------------:|
| crash | 1s/3s          | piranha    |    3 | 3000 ms | 3000 ms | 3000 ms |             0.75 |
| crash | advert_int 1   | keepalived |    3 | 3000 ms | 4000 ms | 5000 ms |                  |
| crash | 100ms/300ms    | piranha    |    3 |  300 ms |  300 ms |  300 ms |             0.75 |
| crash | advert_int 0.1 | keepalived |    3 |  300 ms |  400 ms |  500 ms |                  |
`
	if b.String() != want {
		t.Errorf("table:\n%swant:\n%s", b.String(), want)
	}
	b.Reset()
	if err := rep.WriteSection(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"keepalived v2.2.7", "kernel 6.1", "every 5ms", want, "\n* keepalived at advert_int 1: takeovers that nobody caused: 2."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
