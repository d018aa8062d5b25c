package lvs

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metric is a family of OpenMetrics: one sample for each virtual or real server, or for lvsd as a whole.
type metric struct {
	name, kind, unit, help string
	samples                []string
}

// metrics collects families in the order of their first sample.
type metrics struct {
	order  []*metric
	byName map[string]*metric
}

// family describes a metric; its samples follow with add. Kind is gauge or counter.
func (m *metrics) family(name, kind, unit, help string) {
	f := &metric{name: name, kind: kind, unit: unit, help: help}
	m.order = append(m.order, f)
	m.byName[name] = f
}

func (m *metrics) add(name, labels string, value float64) {
	f := m.byName[name]
	if f.kind == "counter" {
		name += "_total"
	}
	f.samples = append(f.samples, name+labels+" "+strconv.FormatFloat(value, 'f', -1, 64))
}

// text is the whole in the OpenMetrics text format 1.0.
func (m *metrics) text() string {
	var b strings.Builder
	for _, f := range m.order {
		b.WriteString("# TYPE " + f.name + " " + f.kind + "\n")
		if f.unit != "" {
			b.WriteString("# UNIT " + f.name + " " + f.unit + "\n")
		}
		b.WriteString("# HELP " + f.name + " " + f.help + "\n")
		for _, s := range f.samples {
			b.WriteString(s + "\n")
		}
	}
	b.WriteString("# EOF\n")
	return b.String()
}

// labels writes pairs of names and values.
func labels(kv ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(kv); i += 2 {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + kv[i] + `="`)
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(kv[i+1], "\uFFFD")))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// rowCounters are the metrics of a row's traffic.
var rowCounters = []struct {
	suffix, unit, help string
	of                 func(*TrafficStatus) uint64
}{
	{"connections", "", "Connections scheduled.", func(t *TrafficStatus) uint64 { return t.Connections }},
	{"incoming_packets", "", "Packets from clients.", func(t *TrafficStatus) uint64 { return t.InPackets }},
	{"outgoing_packets", "", "Packets to clients, where they pass this router.", func(t *TrafficStatus) uint64 { return t.OutPackets }},
	{"incoming_bytes", "bytes", "Bytes from clients.", func(t *TrafficStatus) uint64 { return t.InBytes }},
	{"outgoing_bytes", "bytes", "Bytes to clients, where they pass this router.", func(t *TrafficStatus) uint64 { return t.OutBytes }},
}

// OpenMetrics is the status for Prometheus and its like: one series for each virtual and real server, by their names and by the
// labels that node_exporter has for IPVS.
func (s *Status) OpenMetrics() string {
	m := &metrics{byName: map[string]*metric{}}
	m.family("piranha_lvsd", "info", "", "lvsd and its lvs.cf.")
	m.byName["piranha_lvsd"].samples = []string{"piranha_lvsd_info" + labels("config_file", s.ConfigFile, "serial_no", strconv.FormatInt(s.SerialNo, 10)) + " 1"}
	m.family("piranha_lvsd_active", "gauge", "", "1 where the kernel's table is filled, 0 on standby.")
	m.add("piranha_lvsd_active", "", number(s.Active))
	m.family("piranha_lvsd_in_step", "gauge", "", "1 if the kernel's table is as lvs.cf and the checks want it.")
	m.add("piranha_lvsd_in_step", "", number(s.InStep))
	m.family("piranha_lvsd_counting", "gauge", "", "0 if the kernel's counters stand still: net.ipv4.vs.run_estimation is 0.")
	m.add("piranha_lvsd_counting", "", number(s.Counting))
	m.family("piranha_config_loaded_timestamp_seconds", "gauge", "seconds", "When the lvs.cf in force was read.")
	m.add("piranha_config_loaded_timestamp_seconds", "", seconds(s.ConfigLoaded))
	s.describe(m)
	for i := range s.VirtualServers {
		v := &s.VirtualServers[i]
		own := s.labels(i, -1)
		m.traffic("piranha_virtual_server_", own, v.Traffic)
		for j := range v.RealServers {
			m.realServer(s.labels(i, j), &v.RealServers[j])
		}
	}
	return m.text()
}

func (s *Status) describe(m *metrics) {
	for _, of := range []string{"virtual", "real"} {
		for _, c := range rowCounters {
			m.family("piranha_"+of+"_server_"+c.suffix, "counter", c.unit, c.help)
		}
	}
	m.family("piranha_real_server_up", "gauge", "", "1 if its checks pass, 0 if they do not or there was none yet.")
	m.family("piranha_real_server_present", "gauge", "", "1 if it has a row in the kernel's table.")
	m.family("piranha_real_server_weight", "gauge", "", "Weight in the kernel's table.")
	m.family("piranha_real_server_ordered", "gauge", "", "1 if an operator has ordered drain or maint.")
	m.family("piranha_real_server_active_connections", "gauge", "", "Connections that are established.")
	m.family("piranha_real_server_inactive_connections", "gauge", "", "Other connections.")
	m.family("piranha_check_duration_seconds", "gauge", "seconds", "How long the last check took.")
	m.family("piranha_check_last_completed_timestamp_seconds", "gauge", "seconds", "When the last check ended.")
}

func (m *metrics) traffic(prefix, labels string, t *TrafficStatus) {
	if t == nil {
		return
	}
	for _, c := range rowCounters {
		m.add(prefix+c.suffix, labels, float64(c.of(t)))
	}
}

func (m *metrics) realServer(labels string, r *RealStatus) {
	m.traffic("piranha_real_server_", labels, r.Traffic)
	m.add("piranha_real_server_up", labels, number(r.State == up.String()))
	m.add("piranha_real_server_present", labels, number(r.Present))
	m.add("piranha_real_server_ordered", labels, number(r.Order != ""))
	if r.Present {
		m.add("piranha_real_server_weight", labels, float64(r.Now))
	}
	if r.Traffic != nil {
		m.add("piranha_real_server_active_connections", labels, float64(r.Traffic.Active))
		m.add("piranha_real_server_inactive_connections", labels, float64(r.Traffic.Inactive))
	}
	if r.LastCheck != nil {
		m.add("piranha_check_duration_seconds", labels, r.LastCheck.Duration)
		m.add("piranha_check_last_completed_timestamp_seconds", labels, seconds(r.LastCheck.Time))
	}
}

// labels name a virtual server, or its real server of number j, if that is not negative.
func (s *Status) labels(i, j int) string {
	key := s.keys[i][0].service
	kv := []string{"virtual", s.VirtualServers[i].Name}
	if key.Mark != 0 {
		kv = append(kv, "local_mark", strconv.FormatUint(uint64(key.Mark), 10))
	} else {
		proto := map[uint16]string{6: "TCP", 17: "UDP", 132: "SCTP"}[uint16(key.Protocol)]
		kv = append(kv, "local_address", key.Addr.Addr().String(), "local_port", port(key.Addr.Port()), "proto", proto)
	}
	if j >= 0 {
		remote := s.keys[i][1+j].addr
		kv = append(kv, "server", s.VirtualServers[i].RealServers[j].Name, "remote_address", remote.Addr().String(), "remote_port", port(remote.Port()))
	}
	return labels(kv...)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// metricsType is what a scraper that knows the format asks for.
const metricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

func replyMetrics(w http.ResponseWriter, s *Status) {
	text := s.OpenMetrics()
	w.Header().Set("Content-Type", metricsType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text)) // a caller that has gone is no concern of ours
}
