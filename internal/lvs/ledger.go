package lvs

import (
	"encoding/json"
	"maps"
	"net/netip"
	"sync"

	"github.com/piranha-lvs/piranha/internal/ipvs"
)

// ledger remembers which rows of the kernel's table lvsd has taken charge of, in a file, so that a row whose block left
// lvs.cf while lvsd was dead is still removed, and a row that lvsd never had is never touched.
type ledger struct {
	stateFile
	rows map[rowKey]bool // whether the plan has the row, too
}

// ledgerFile is the file's form. Rows are few enough to be written whole each time the set changes, which is when
// lvs.cf does.
type ledgerFile struct {
	Version  int             `json:"version"`
	Services []ledgerService `json:"services"`
}

type ledgerService struct {
	Mark         uint32           `json:"fwmark,omitempty"`
	Family       ipvs.Family      `json:"family"`
	Protocol     ipvs.Protocol    `json:"protocol,omitempty"`
	Addr         netip.AddrPort   `json:"address"`
	Destinations []netip.AddrPort `json:"destinations"`
}

// openLedger reads the file in stateDir; with none there is no file and the ledger is forgotten. A file that is missing or
// cannot be understood gives an empty ledger; the error says why in the latter case.
func openLedger(stateDir string) (*ledger, error) {
	l := &ledger{stateFile: newStateFile(stateDir, "lvsd.json"), rows: map[rowKey]bool{}}
	var f ledgerFile
	if err := l.read(&f); err != nil {
		return l, err
	}
	for _, s := range f.Services {
		key := ipvs.ServiceKey{Mark: s.Mark, Family: s.Family, Protocol: s.Protocol, Addr: s.Addr}
		l.rows[rowKey{service: key}] = false
		for _, d := range s.Destinations {
			l.rows[rowKey{key, d}] = false
		}
	}
	return l, nil
}

// mine tells whether lvsd may remove the row.
func (l *ledger) mine(service ipvs.ServiceKey, addr netip.AddrPort) bool {
	_, known := l.rows[rowKey{service, addr}]
	return known
}

// add takes charge of the rows of a plan, before they are written.
func (l *ledger) add(p plan) error {
	if len(l.rows) == 0 {
		l.rows = make(map[rowKey]bool, p.size())
	}
	for r := range l.rows {
		l.rows[r] = false
	}
	before := len(l.rows)
	for r := range p.rows() {
		l.rows[r] = true
	}
	l.unsaved = l.unsaved || len(l.rows) > before
	return l.flush()
}

// keep forgets the rows that neither the last plan has nor, after the others were removed, the table: there is asked for it only
// if it matters.
func (l *ledger) keep(there func() map[rowKey]int) error {
	before := len(l.rows)
	table := sync.OnceValue(there)
	maps.DeleteFunc(l.rows, func(row rowKey, planned bool) bool {
		if planned {
			return false
		}
		_, left := table()[row]
		return !left
	})
	l.unsaved = l.unsaved || len(l.rows) < before
	return l.flush()
}

// replace sets the rows.
func (l *ledger) replace(rows map[rowKey]bool) error {
	l.rows, l.unsaved = rows, true
	return l.flush()
}

func (l *ledger) flush() error { return l.save(l.content) }

// content is the file's. It needs no fsync: after a crash of the machine the kernel's table is empty.
func (l *ledger) content() ([]byte, error) {
	at := map[ipvs.ServiceKey]int{}
	f := ledgerFile{Version: 1}
	service := func(k ipvs.ServiceKey) *ledgerService {
		i, known := at[k]
		if !known {
			i = len(f.Services)
			at[k] = i
			f.Services = append(f.Services, ledgerService{Mark: k.Mark, Family: k.Family, Protocol: k.Protocol, Addr: k.Addr})
		}
		return &f.Services[i]
	}
	for r := range l.rows {
		s := service(r.service)
		if r.addr.IsValid() {
			s.Destinations = append(s.Destinations, r.addr)
		}
	}
	return json.Marshal(f)
}
