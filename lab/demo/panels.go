package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/piranha-lvs/piranha/lab/relay"
)

// panelsAddress is where piranha-gui answers on the router.
const panelsAddress = "127.0.0.1:3636"

// setPassword makes a password for the router's panels.
func (r *router) setPassword(ctx context.Context) error {
	r.password = strings.ToLower(rand.Text()[:12])
	cmd := r.node.Command(ctx, filepath.Join(r.bin, "piranha-passwd"), "--stdin", "--passwd-file="+r.passwdFile())
	cmd.Stdin = strings.NewReader(r.password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("piranha-passwd: %w: %s", err, out)
	}
	return nil
}

func (r *router) passwdFile() string { return filepath.Join(r.dir, "piranha.passwd") }

// startPanels starts piranha-gui, if the router has a password for it.
func (r *router) startPanels(ctx context.Context) (err error) {
	if r.password == "" {
		return nil
	}
	cmd := r.node.Command(ctx, filepath.Join(r.bin, "piranha-gui"), "--listen="+panelsAddress, "-c", filepath.Join(r.dir, "lvs.cf"), "--passwd-file="+r.passwdFile(),
		"--run-dir="+r.dir, "--state-dir="+filepath.Join(r.dir, "gui"))
	out := &lineWriter{each: func(line string) { r.log.add(r.name() + "  " + line) }}
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, out, out
	r.gui, err = launch(cmd)
	return err
}

// servePanels lets those outside reach the panels.
func (s *show) servePanels() {
	line, err := s.opt.Line()
	if err != nil {
		s.tell("the panels cannot be reached: %v", err)
		return
	}
	_ = relay.Serve(line, func() (net.Conn, error) {
		return s.cluster.router(1).node.Dial("tcp", panelsAddress, time.Second)
	})
}

// panels says where the panels are and how to sign in.
func (s *show) panels() string {
	if s.opt.Panels == "" {
		return ""
	}
	return s.opt.Panels + "   user piranha, password " + s.cluster.router(1).password
}
