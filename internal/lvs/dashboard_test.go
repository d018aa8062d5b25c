package lvs

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what is looked at of the file for Grafana.
type dashboard struct {
	SchemaVersion int `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name, Type string
			Definition string
		}
	}
	Panels []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ UID string }
		GridPos    struct{ H, W, X, Y int }
		Targets    []struct {
			RefID        string
			Expr         string
			LegendFormat string
			Datasource   struct{ UID string }
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../../etc/grafana/piranha.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// written are the names of the samples that lvsd writes, with the kind and the labels of each.
func written(t *testing.T) (kinds map[string]string, labels map[string][]string) {
	t.Helper()
	kinds, labels = map[string]string{}, map[string][]string{}
	kind, label := "", regexp.MustCompile(`([a-z_]+)="`)
	for line := range strings.Lines(sampled().OpenMetrics()) {
		if words := strings.Fields(line); words[0] == "#" {
			if words[1] == "TYPE" {
				kind = words[3]
			}
			continue
		}
		name := line[:strings.IndexAny(line, "{ ")]
		kinds[name] = kind
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			labels[name] = append(labels[name], m[1])
		}
	}
	return kinds, labels
}

// promQL are the words of queries that are no metrics and no labels.
var promQL = strings.Fields("sum min max count by rate changes time or vector h label_values")

// TestDashboard: Grafana's panels ask for nothing that lvsd does not write. Prometheus adds the label instance.
func TestDashboard(t *testing.T) {
	kinds, labels := written(t)
	word, text := regexp.MustCompile(`[a-z_]+`), regexp.MustCompile(`"[^"]*"|\$[a-z_]+`)
	check := func(title, query, legend string) {
		var known []string
		for _, name := range regexp.MustCompile(`piranha_[a-z_]+`).FindAllString(query, -1) {
			if kinds[name] == "" {
				t.Errorf("%s: lvsd does not write %s", title, name)
			}
			if (kinds[name] == "counter") != strings.Contains(query, "rate("+name) {
				t.Errorf("%s: %s is a %s: %s", title, name, kinds[name], query)
			}
			known = append(known, labels[name]...)
		}
		for _, w := range append(word.FindAllString(text.ReplaceAllString(query, ""), -1), word.FindAllString(legend, -1)...) {
			if !strings.HasPrefix(w, "piranha_") && w != "instance" && w != "on" && !slices.Contains(promQL, w) && !slices.Contains(known, w) {
				t.Errorf("%s: %s is no label: %s", title, w, query)
			}
		}
	}
	d := readDashboard(t)
	for _, v := range d.Templating.List {
		check("variable "+v.Name, v.Definition, "")
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			check(p.Title, target.Expr, target.LegendFormat)
		}
	}
}

// TestDashboardForm: what Grafana would not complain of but show wrongly.
func TestDashboardForm(t *testing.T) {
	d := readDashboard(t)
	if d.SchemaVersion < 30 || len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" || d.Templating.List[0].Type != "datasource" {
		t.Error("not a dashboard with a variable for its data source")
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Title == "" || p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q does not fit: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.Targets[0].Datasource.UID != "${datasource}" {
			t.Errorf("%s asks nobody, or somebody else than the variable says", p.Title)
		}
	}
}
