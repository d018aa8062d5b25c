package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/piranha-lvs/piranha/internal/lvs"
)

// connections shows connections that the kernel knows. JSON is as lvsd answers.
func connections(ctx context.Context, c cluster, words []string, o options, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, connectionsTime)
	defer cancel()
	query := url.Values{"limit": {strconv.Itoa(o.limit)}}
	for i, word := range words {
		query.Set([]string{"virtual", "server"}[i], word)
	}
	for name, value := range map[string]string{"client": o.client, "state": o.state} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var raw json.RawMessage
	if err := c.lvsd.Call(ctx, "GET", "connections?"+query.Encode(), &raw); err != nil {
		return plain(c.lvsd, err)
	}
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(raw)
	}
	var list lvs.Connections
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("%s: answer not understood: %w", c.lvsd.Name, err)
	}
	return printConnections(out, &list)
}

// connectionsTime bounds the call: lvsd takes its time for a large table.
const connectionsTime = 30 * time.Second

func printConnections(out io.Writer, list *lvs.Connections) error {
	if len(list.Connections) > 0 {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "PROTOCOL\tCLIENT\tVIRTUAL\tSERVER\tSTATE\tEXPIRES\n")
		for _, c := range list.Connections {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%ds\n", clean(c.Protocol), c.Client, clean(c.Virtual), serverOf(c), connectionState(c), c.Expires)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	text := count(list.Total, "connection")
	if n := len(list.Connections); n < list.Total {
		text = strconv.Itoa(n) + " of " + text
	}
	if !list.Complete {
		text += " in the part of the kernel's table that could be read in time"
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// serverOf names the real server, or gives its address if it is none of lvs.cf.
func serverOf(c lvs.ConnectionStatus) string {
	if c.Server == "" {
		return c.ServerAddress.String()
	}
	return clean(c.Server)
}

func connectionState(c lvs.ConnectionStatus) string {
	if c.Template {
		return "persistence"
	}
	return clean(c.State)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
