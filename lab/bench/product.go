package bench

import (
	"fmt"
	"strings"

	"github.com/piranha-lvs/piranha/lab/topology"
)

// product is what is measured: programs that make two routers a pair. Its methods are about one router unless they
// say otherwise.
type product interface {
	// name is how the report calls it.
	name() string
	// configure writes the configuration into the router's directory.
	configure(r *router) error
	// argv is the command that starts it.
	argv(r *router) []string
	// settled returns nil when, by its own word, one router is active and the other is ready to take over.
	settled(active, standby *router) error
	// handOver begins a planned switchover as an operator would.
	handOver(active *router) error
	// comeBack makes a router that has handed over a standby again.
	comeBack(r *router) error
	// took is what it logs when a router begins to serve.
	took() string
}

// reals is the number of real servers.
const reals = 3

// realServers renders a block for each real server with a format that takes its number and its address.
func realServers(format string) string {
	var b strings.Builder
	for i := 1; i <= reals; i++ {
		fmt.Fprintf(&b, format, i, topology.RealAddr(i))
	}
	return b.String()
}
