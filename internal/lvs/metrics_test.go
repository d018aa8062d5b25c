package lvs

import (
	"bufio"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// sampled is a status that has a sample of every metric.
func sampled() *Status {
	web := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("192.0.2.1:80")}
	marked := ipvs.ServiceKey{Family: ipvs.IPv6, Mark: 7}
	one, two := netip.MustParseAddrPort("10.0.0.1:8080"), netip.MustParseAddrPort("[2001:db8::1]:80")
	return &Status{
		ConfigFile: "/etc/lvs.cf", SerialNo: 9, Active: true, InStep: true, Counting: true, ConfigLoaded: time.UnixMilli(1500),
		VirtualServers: []VirtualStatus{
			{Name: "a \"web\"\\\n", Traffic: &TrafficStatus{Connections: 1 << 40, InBytes: 5}, RealServers: []RealStatus{{
				Name: "one", State: "up", Present: true, Now: 3, Traffic: &TrafficStatus{Active: 2, Inactive: 4, Connections: 8},
				LastCheck: &CheckStatus{Time: time.UnixMilli(2250), Duration: 0.0015},
			}}},
			{Name: "marked", RealServers: []RealStatus{{Name: "two", State: "down", Order: "maint"}}},
		},
		keys: [][]rowKey{{{service: web}, {web, one}}, {{service: marked}, {marked, two}}},
	}
}

// TestOpenMetrics: the form (every family described once, its samples together, counters with _total, the end marked), and the
// figures.
func TestOpenMetrics(t *testing.T) {
	text := sampled().OpenMetrics()
	for _, want := range []string{
		`piranha_lvsd_info{config_file="/etc/lvs.cf",serial_no="9"} 1`,
		`piranha_lvsd_active 1`,
		`piranha_config_loaded_timestamp_seconds 1.5`,
		`piranha_virtual_server_connections_total{virtual="a \"web\"\\\n",local_address="192.0.2.1",local_port="80",proto="TCP"} 1099511627776`,
		`piranha_real_server_connections_total{virtual="a \"web\"\\\n",local_address="192.0.2.1",local_port="80",proto="TCP",server="one",remote_address="10.0.0.1",remote_port="8080"} 8`,
		`piranha_real_server_up{virtual="marked",local_mark="7",server="two",remote_address="2001:db8::1",remote_port="80"} 0`,
		`piranha_real_server_ordered{virtual="marked",local_mark="7",server="two",remote_address="2001:db8::1",remote_port="80"} 1`,
		`piranha_check_duration_seconds{virtual="a \"web\"\\\n",local_address="192.0.2.1",local_port="80",proto="TCP",server="one",remote_address="10.0.0.1",remote_port="8080"} 0.0015`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	sample := regexp.MustCompile(`^([a-z_]+)(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? [0-9.]+$`)
	kinds, family, ended := map[string]string{}, "", false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case ended:
			t.Errorf("after the end: %s", line)
		case line == "# EOF":
			ended = true
		case words[0] == "#" && words[1] == "TYPE":
			if kinds[words[2]] != "" {
				t.Errorf("%s is described twice", words[2])
			}
			family = words[2]
			kinds[family] = words[3]
		case words[0] == "#":
			if words[2] != family || words[1] == "UNIT" && !strings.HasSuffix(family, "_"+words[3]) {
				t.Errorf("%s in the family %s", line, family)
			}
		default:
			suffix := map[string]string{"counter": "_total", "info": "_info"}[kinds[family]]
			if m := sample.FindStringSubmatch(line); m == nil || m[1] != family+suffix {
				t.Errorf("%s in the family %s", line, family)
			}
		}
	}
	if !ended {
		t.Error("no end")
	}
}
