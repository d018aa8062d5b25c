package gui

import (
	"net/http"

	"github.com/piranha-lvs/piranha/internal/gui/form"
	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// redundancyExtra is what REDUNDANCY shows beside the form.
type redundancyExtra struct {
	Active  bool   // backup_active
	NoBeat  bool   // heartbeat = 0
	Confirm string // disable or reset: it is asked whether to
}

// redundancyTarget is the form of REDUNDANCY. confirm is what it asks whether to do.
func redundancyTarget(d *lvscf.Document, confirm string) target {
	_, private, _ := d.Get(lvscf.Path{}, "primary_private")
	return target{
		view: "redundancy", title: "Redundancy", tab: "redundancy", panel: form.Redundancy(private),
		url: func(lvscf.Path) string { return "/redundancy" },
		extra: func(d *lvscf.Document) any {
			on := func(key string) bool {
				value, _, _ := d.Get(lvscf.Path{}, key)
				return form.On(value)
			}
			return redundancyExtra{Active: on("backup_active"), NoBeat: !on("heartbeat"), Confirm: confirm}
		},
	}
}

func (s *Server) redundancy(w http.ResponseWriter, r *http.Request) {
	d := s.readFile(w, r)
	if d == nil {
		return
	}
	ask := r.URL.Query().Get("ask")
	if ask != "disable" && ask != "reset" {
		ask = ""
	}
	s.showForm(w, r, d, redundancyTarget(d, ask))
}

// saveRedundancy does what one of the buttons says.
func (s *Server) saveRedundancy(w http.ResponseWriter, r *http.Request) {
	d := s.readForm(w, r)
	if d == nil {
		return
	}
	t := redundancyTarget(d, "")
	switch r.PostForm.Get("action") {
	case "enable":
		s.saveForm(w, r, d, t, enable)
	case "disable":
		s.saveForm(w, r, d, t, disable)
	case "reset":
		s.saveForm(w, r, d, t, reset)
	default:
		s.saveForm(w, r, d, t, nil)
	}
}

// The original's values of a heartbeat, which are not those that count if lvs.cf has none.
func originalBeat() [][2]string {
	return [][2]string{{"heartbeat_port", "539"}, {"keepalive", "6"}, {"deadtime", "18"}}
}

// enable switches the redundant server on. What the file says of the heartbeat stays.
func enable(d *lvscf.Document) ([]form.Change, error) {
	list := [][2]string{{"backup_active", "1"}, {"heartbeat", "1"}}
	for _, kv := range originalBeat() {
		if _, has, err := d.Get(lvscf.Path{}, kv[0]); err == nil && !has {
			list = append(list, kv)
		}
	}
	return setKeys(d, list)
}

// disable switches it off, and leaves its values for another time.
func disable(d *lvscf.Document) ([]form.Change, error) {
	return setKeys(d, [][2]string{{"backup_active", "0"}})
}

// reset gives back the original's values.
func reset(d *lvscf.Document) ([]form.Change, error) {
	return setKeys(d, append(originalBeat(), [2]string{"backup", "0.0.0.0"}, [2]string{"backup_private", ""}))
}

// setKeys gives keys of the global part values; "" takes a key out.
func setKeys(d *lvscf.Document, list [][2]string) ([]form.Change, error) {
	var changes []form.Change
	for _, kv := range list {
		c, err := form.Set(d, lvscf.Path{}, kv[0], kv[1])
		if err != nil {
			return nil, err
		}
		if c.Old != c.New {
			changes = append(changes, c)
		}
	}
	return changes, nil
}
