package api

// Partner is what is known of the other router, and how it is reached.
type Partner struct {
	Routers []Router `json:"routers"`            // this one first
	Host    string   `json:"host,omitempty"`     // as ssh is told; absent: it cannot be reached
	Problem string   `json:"problem,omitempty"`  // why not
	Key     string   `json:"key,omitempty"`      // that the other router must accept; absent: there is none yet
	HostKey string   `json:"host_key,omitempty"` // fingerprint of the one that was accepted; absent: none was
}

// Comparison is lvs.cf here and on the other router.
type Comparison struct {
	Here        string `json:"here"` // names of the texts
	There       string `json:"there"`
	SerialHere  int64  `json:"serial_no_here"`
	SerialThere int64  `json:"serial_no_there"`
	Missing     bool   `json:"missing"` // there is none there
	Diff        Diff   `json:"diff"`    // what copying would change there
	Notice      string `json:"notice,omitempty"`
}

// Copy has lvs.cf copied to the other router, if both are those that a comparison named.
type Copy struct {
	Here  string `json:"here"`
	There string `json:"there"`
}
