// Package monitor makes what CONTROL/MONITORING shows out of what the daemons answer and what lvs.cf says.
//
// Nothing in it is shown as good that is not known to be: figures of a daemon that no longer answers are marked as what they
// are, with their age.
package monitor

import "time"

// PulseStatus is what is used of pulse.sock's answer (doc/api.md).
type PulseStatus struct {
	Pid       int       `json:"pid"`
	Role      string    `json:"role"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	Standby   bool      `json:"standby"`
	LvsdPid   int       `json:"lvsd_pid"`
	LostLinks []string  `json:"lost_links"`
	SerialNo  int64     `json:"serial_no"`
	LoadTried time.Time `json:"config_tried"`
	LoadError string    `json:"config_error"`
	Servers   *Servers  `json:"servers"`
	Addresses []string  `json:"addresses"`
	Partner   Partner   `json:"partner"`
}

// Partner is what pulse knows of the other router.
type Partner struct {
	Health     string     `json:"health"`
	State      string     `json:"state"`
	Since      *time.Time `json:"since"`
	Original   bool       `json:"original"`
	SerialNo   int64      `json:"serial_no"`
	SameConfig bool       `json:"same_config"`
	Servers    *Servers   `json:"servers"`
	Public     *float64   `json:"public_heard_ago"`  // seconds
	Private    *float64   `json:"private_heard_ago"` // seconds
}

// Servers counts real servers.
type Servers struct {
	Up         int `json:"up"`
	Configured int `json:"configured"`
}

// LvsdStatus is what is used of lvs.sock's answer.
type LvsdStatus struct {
	Pid      int             `json:"pid"`
	SerialNo int64           `json:"serial_no"`
	Active   bool            `json:"active"`
	InStep   bool            `json:"in_step"`
	Error    string          `json:"error"`
	Virtual  []VirtualStatus `json:"virtual_servers"`
}

// VirtualStatus is an active virtual server.
type VirtualStatus struct {
	Name      string       `json:"name"`
	Service   string       `json:"service"`
	Scheduler string       `json:"scheduler"`
	Traffic   *Traffic     `json:"traffic"`
	Real      []RealStatus `json:"real_servers"`
}

// RealStatus is an active real server.
type RealStatus struct {
	Name       string    `json:"name"`
	Address    string    `json:"address"`
	State      string    `json:"state"`
	Reason     string    `json:"reason"`
	Since      time.Time `json:"since"`
	Weight     int       `json:"weight"`
	Present    bool      `json:"present"`
	Now        int       `json:"weight_now"`
	Load       string    `json:"load"`
	Pid        int       `json:"monitor_pid"`
	NotChecked bool      `json:"not_checked"`
	LastCheck  *Check    `json:"last_check"`
	Order      string    `json:"order"`
	DrainUntil time.Time `json:"drain_until"`
	Ordered    *int      `json:"weight_order"`
	Traffic    *Traffic  `json:"traffic"`
}

// Check is how a check ended.
type Check struct {
	Time     time.Time `json:"time"`
	Duration float64   `json:"duration"` // seconds
	Reason   string    `json:"reason"`
}

// Traffic is what the kernel has counted for a row.
type Traffic struct {
	Active   uint32 `json:"active_connections"`
	Inactive uint32 `json:"inactive_connections"`
	Rates    *Rates `json:"rates"`
}

// Rates are changes a second.
type Rates struct {
	Connections float64 `json:"connections"`
	InBytes     float64 `json:"in_bytes"`
	OutBytes    float64 `json:"out_bytes"`
}
