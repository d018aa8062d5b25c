package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"github.com/piranha-lvs/piranha/lab/realserver"
)

// serveReal is lab realserver: a real server in a process of its own, so that it can be killed or stopped.
func serveReal(args []string) int {
	fs := flag.NewFlagSet("lab realserver", flag.ContinueOnError)
	name := fs.String("name", "real", "name the server answers with")
	addr := fs.String("listen", ":80", "address to listen on")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return report(realserver.Run(ctx, os.Stdout, *name, *addr))
}
