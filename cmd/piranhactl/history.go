package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// history shows the last checks of the real servers of a virtual server, or of one of them. JSON is as lvsd answers.
func history(ctx context.Context, c cluster, words []string, asJSON bool, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	query := url.Values{"virtual": words[:1]}
	if len(words) > 1 {
		query["server"] = words[1:]
	}
	var raw json.RawMessage
	if err := c.lvsd.Call(ctx, "GET", "history?"+query.Encode(), &raw); err != nil {
		return plain(c.lvsd, err)
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(raw)
	}
	var list []lvs.HistoryStatus
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s: answer not understood: %w", c.lvsd.Name, err)
	}
	for i, h := range list {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := results(out, h); err != nil {
			return err
		}
	}
	return nil
}

// results shows the checks of one real server, the oldest first, as in a log.
func results(out io.Writer, h lvs.HistoryStatus) error {
	fmt.Fprintf(out, "%s %s, %s\n", clean(h.Virtual), clean(h.Server), clean(h.Address))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range h.Results {
		result := "passed"
		if r.Reason != "" {
			result = "failed: " + clean(r.Reason)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Time.Local().Format("2006-01-02 15:04:05.000"), took(r), result)
	}
	if len(h.Results) == 0 {
		fmt.Fprintln(w, "  no check yet")
	}
	return w.Flush()
}

// took is how long a check took.
func took(r lvs.CheckStatus) string {
	return probe.Brief(time.Duration(r.Duration * float64(time.Second)))
}
