package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/piranha-lvs/piranha/internal/cmdline"
	"github.com/piranha-lvs/piranha/internal/eventlog"
	"github.com/piranha-lvs/piranha/internal/gui"
	"github.com/piranha-lvs/piranha/internal/gui/certificate"
)

// A router needs memory more than the panels need the processor. garbage is how much of it may wait to be used again, in percent of
// what is in use, and memory, in bytes, from where on that is less: when 50 pages of 2,000 real servers are opened at once, it makes
// 43 MB resident of 54. A larger cluster may take more; at most half of the processor time goes into staying near it.
const (
	garbage = 50
	memory  = 36 << 20
)

// serve answers until ctx is done.
func serve(ctx context.Context, o options) error {
	debug.SetGCPercent(garbage)
	debug.SetMemoryLimit(memory)
	log := eventlog.New("piranha-gui", eventlog.Stdout, false)
	defer log.Flush()
	if err := o.complete(log); err != nil {
		return err
	}
	if o.tls == "off" && !o.plainHTTP && !loopback(o.listen) {
		return fmt.Errorf("--tls=off on %s would send passwords in the clear: listen on 127.0.0.1, or say --allow-plain-http", o.listen)
	}
	config, err := o.tlsConfig(log)
	if err != nil {
		return err
	}
	server, err := gui.New(gui.Options{
		ConfigFile: o.configFile, PasswdFile: o.passwdFile, RunDir: o.runDir, StateDir: o.stateDir, Viewers: o.viewers, MetricsAllow: o.metricsAllow, Secure: config != nil,
		Version: cmdline.Version(), Probe: o.probeCommand(), StartPulse: o.startPulse, StopPulse: o.stopPulse,
	}, log)
	if err != nil {
		return err
	}
	defer server.Close()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	scheme := "https"
	if config == nil {
		scheme = "http"
	}
	log.Info("answering", "url", scheme+"://"+listener.Addr().String()+"/")
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	return server.Serve(ctx, listener, config)
}

// probeCommand is piranhactl beside this program, which has a real server checked; nil: it is not there.
func (o *options) probeCommand() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	path := filepath.Join(filepath.Dir(self), "piranhactl")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	return []string{path, "--configfile=" + o.configFile, "probe", "--"}
}

// complete finds out where to listen: the original was told by its web server's file.
func (o *options) complete(log *eventlog.Logger) error {
	if o.listen != "" {
		return nil
	}
	o.listen = defaultListen
	path := filepath.Join(filepath.Dir(o.configFile), "conf", "httpd.conf")
	listen, err := gui.OriginalListen(path)
	if err != nil {
		return err
	}
	if listen != "" && listen != defaultListen {
		o.listen = listen
		log.Warn("listening where the original did; say so with --listen, the file will not be looked at for ever", "file", path, "listen", listen)
	}
	return nil
}

// loopback tells whether nobody but this machine can reach an address.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// tlsConfig is nil for plain HTTP.
func (o *options) tlsConfig(log *eventlog.Logger) (*tls.Config, error) {
	if o.tls == "off" {
		return nil, nil
	}
	var source *certificate.Source
	var err error
	if cert, key, ok := strings.Cut(o.tls, ","); ok {
		source, err = certificate.Files(cert, key, log)
	} else if o.tls == "auto" {
		source, err = certificate.InDirectory(filepath.Join(o.stateDir, "tls"), certificate.Names, log)
	} else {
		err = errors.New("bad argument --tls: auto, off or CERT,KEY expected")
	}
	if err != nil {
		return nil, err
	}
	log.Info("certificate", "sha256", source.Fingerprint())
	return &tls.Config{GetCertificate: source.Get, MinVersion: tls.VersionTLS12}, nil
}
