package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Report is everything measured. It is kept as JSON, too.
type Report struct {
	Kernel     string        `json:"kernel"`
	Keepalived string        `json:"keepalived"`
	Period     time.Duration `json:"period_ns"` // of the client's requests
	Rows       []*Row        `json:"rows"`
}

// Row is what one product did with one setting.
type Row struct {
	Setting  Setting           `json:"setting"`
	Product  string            `json:"product"`
	Unasked  int               `json:"unasked"`  // takeovers that nobody caused
	Repeated int               `json:"repeated"` // runs made again because the machine stood still
	Samples  map[Kind][]Sample `json:"samples"`
}

func (r *Report) row(s Setting, product string) *Row {
	for _, row := range r.Rows {
		if row.Setting == s && row.Product == product {
			return row
		}
	}
	row := &Row{Setting: s, Product: product, Samples: map[Kind][]Sample{}}
	r.Rows = append(r.Rows, row)
	return row
}

func (r *Report) add(s Setting, product string, k Kind, sample Sample) {
	row := r.row(s, product)
	row.Samples[k] = append(row.Samples[k], sample)
}

func (r *Report) unasked(s Setting, product string, n int) { r.row(s, product).Unasked += n }

func (r *Report) repeated(s Setting, product string) { r.row(s, product).Repeated++ }

// Merge adds the rows of a report from another boot.
func (r *Report) Merge(other *Report) {
	r.Kernel, r.Keepalived, r.Period = other.Kernel, other.Keepalived, other.Period
	r.Rows = append(r.Rows, other.Rows...)
}

func (row *Row) summary(k Kind) Summary {
	var list []time.Duration
	for _, s := range row.Samples[k] {
		list = append(list, s.Outage)
	}
	return summarize(list)
}

// Ratio returns the median outage of this suite divided by keepalived's; 0 if one of them was not measured.
func (r *Report) Ratio(s Setting, k Kind) float64 {
	ours, theirs := r.row(s, Piranha).summary(k).Median, r.row(s, Keepalived).summary(k).Median
	if theirs == 0 {
		return 0
	}
	return float64(ours) / float64(theirs)
}

// table is the report as lines of cells, the first one being the heading.
func (r *Report) table() [][]string {
	lines := [][]string{{"Event", "Timing", "Product", "Runs", "Min", "Median", "Max", "Ratio of medians"}}
	for _, k := range Kinds() {
		for _, row := range r.Rows {
			n := len(row.Samples[k])
			if n == 0 {
				continue
			}
			s, ratio := row.summary(k), ""
			if x := r.Ratio(row.Setting, k); x > 0 && row.Product == Piranha {
				ratio = fmt.Sprintf("%.2f", x)
			}
			lines = append(lines, []string{
				string(k), row.timing(), row.Product, fmt.Sprint(n), cell(s.Min), cell(s.Median), cell(s.Max), ratio,
			})
		}
	}
	return lines
}

// timing is the setting in the product's words.
func (row *Row) timing() string {
	if row.Product == Keepalived {
		return fmt.Sprintf("advert_int %g", row.Setting.Advert.Seconds())
	}
	return fmt.Sprintf("%v/%v", row.Setting.Keepalive, row.Setting.Deadtime)
}

func cell(d time.Duration) string { return fmt.Sprintf("%.0f ms", ms(d)) }

// WriteTable writes the figures as a table that is Markdown as well.
func (r *Report) WriteTable(w io.Writer) error {
	lines := r.table()
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], len(text))
		}
	}
	const figures = 3 // the first column of them
	for n, line := range lines {
		for i, text := range line {
			if i < figures {
				line[i] = fmt.Sprintf("%-*s", widths[i], text)
			} else {
				line[i] = fmt.Sprintf("%*s", widths[i], text)
			}
		}
		if _, err := fmt.Fprintln(w, "| "+strings.Join(line, " | ")+" |"); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if _, err := fmt.Fprintln(w, rule(widths, figures)); err != nil {
			return err
		}
	}
	return nil
}

// rule is the line below a table's heading; columns from right on are set to the right.
func rule(widths []int, right int) string {
	var b strings.Builder
	b.WriteString("|")
	for i, width := range widths {
		if i < right {
			b.WriteString(strings.Repeat("-", width+2) + "|")
		} else {
			b.WriteString(strings.Repeat("-", width+1) + ":|")
		}
	}
	return b.String()
}

// remarks are what a reader must know about these very runs.
func (r *Report) remarks() []string {
	var list []string
	for _, row := range r.Rows {
		if row.Unasked > 0 {
			list = append(list, fmt.Sprintf("%s at %s: takeovers that nobody caused: %d.", row.Product, row.timing(), row.Unasked))
		}
		if row.Repeated > 0 {
			list = append(list, fmt.Sprintf("%s at %s: runs made again because the machine stood still: %d.", row.Product, row.timing(), row.Repeated))
		}
		for _, k := range Kinds() {
			stray := 0
			for _, s := range row.Samples[k] {
				stray += s.Stray
			}
			if stray > 0 {
				list = append(list, fmt.Sprintf("%s at %s, %s: requests lost beside the outages, in all runs together: %d.", row.Product, row.timing(), k, stray))
			}
		}
	}
	return list
}

// WriteSection writes the section for doc/benchmarks.md.
func (r *Report) WriteSection(w io.Writer) error {
	if _, err := fmt.Fprintf(w, section, r.Keepalived, r.Kernel, r.Period, requestTime); err != nil {
		return err
	}
	if err := r.WriteTable(w); err != nil {
		return err
	}
	if list := r.remarks(); len(list) > 0 {
		_, err := fmt.Fprint(w, "\n* "+strings.Join(list, "\n* ")+"\n")
		return err
	}
	return nil
}

const section = `## Failover

How long clients go without the service: this suite and keepalived %[1]s in the same topology (NAT, three web servers,
checks once a second), in turn on one boot of kernel %[2]s per setting. Only the ratio says something about
other machines: a system call in the lab costs many times what it costs elsewhere.

A client sends a request every %[3]v, each over a connection of its own and with a time limit of %[4]v, whether or not
earlier ones were answered. The outage is the longest time between two good replies in a row, so it is never 0. The client
has the highest priority on the lab's one processor, and a run in which it was held up for ten periods is made again.

* **crash**: the links of the active router are cut and its processes killed, at evenly spread points between two
  heartbeats, the same for both products. A router declares the other dead after deadtime; VRRP after three intervals and
  (256-priority)/256 of one more. The priorities are 150 and 100, as in keepalived's samples, nopreempt.
* **switchover**: pulse is told by its socket; keepalived, which has no command for it, by the end (SIGTERM) of the
  active one.

`
