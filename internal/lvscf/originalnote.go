package lvscf

import (
	"errors"

	"github.com/piranha-lvs/piranha/internal/scalar"
)

// originalGlobal is what the original's defaults for private addresses depend on.
type originalGlobal struct{ primary, primaryPrivate, backup, backupPrivate originalWord }

// originalService is what the original's search for the port's name depends on.
type originalService struct{ port, protocol originalWord }

// originalWord is where a key was last given, line 0 for nowhere, and its first word.
type originalWord struct {
	line int
	text string
}

// note keeps what the original reads differently only because of another line, which may be still to come. Lines that it
// would refuse count too: they will be there when they have been put right.
func (o *originalReader) note(st *statement, in Scope) {
	if st.n == 0 {
		return
	}
	var place *originalWord
	switch key := st.key.value(o.text); {
	case in == InGlobal && key == "primary":
		place = &o.global.primary
	case in == InGlobal && key == "primary_private":
		place = &o.global.primaryPrivate
	case in == InGlobal && key == "backup":
		place = &o.global.backup
	case in == InGlobal && key == "backup_private":
		place = &o.global.backupPrivate
	case in&inService != 0 && key == "port":
		place = &o.service.port
	case in&inService != 0 && key == "protocol":
		place = &o.service.protocol
	default:
		return
	}
	*place = originalWord{st.no, st.tok[0].value(o.text)}
}

// privates says where the original takes another private address of the backup: it looks only at whether the primary has
// one.
func (o *originalReader) privates() {
	g := &o.global
	none, _ := inetAton(g.backup.text)
	switch {
	case g.primary.line == 0 || g.backup.line == 0 || none.IsValid() && none.IsUnspecified():
	case g.primaryPrivate.line == 0 && g.backupPrivate.line > 0 && g.backupPrivate.text != g.backup.text:
		o.report(Warning, g.backupPrivate.line, "backup_private", problem{0, "the original takes the address of backup instead", "add primary_private"})
	case g.primaryPrivate.line > 0 && g.backupPrivate.line == 0:
		o.report(Warning, g.primaryPrivate.line, "primary_private", problem{0, "the original has no private address for the backup then", "add backup_private"})
	}
}

// portName says where the original may find no port, or another one.
func (o *originalReader) portName() {
	port := o.service.port
	if port.line == 0 || o.service.protocol.text != "udp" {
		return
	}
	if _, err := scalar.Int(port.text); err == nil || errors.Is(err, scalar.ErrRange) {
		return
	}
	o.report(Warning, port.line, "port", problem{0, "the original looks for the name among those of tcp", "write the number"})
}
