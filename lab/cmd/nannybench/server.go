package main

import (
	"net"
	"strconv"
	"sync/atomic"
)

// server answers every connection as a web server would, and counts them.
type server struct {
	listener net.Listener
	checks   atomic.Int64
}

const (
	longRequest = 512 // bytes; a nanny's are shorter
	webReply    = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"
)

// listen starts a server on a port of its own.
func listen() (*server, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{listener: l}
	go s.serve()
	return s, nil
}

// serve handles one connection after the other, until the listener is closed: the only client has no more than one.
func (s *server) serve() {
	buf := make([]byte, longRequest)
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.checks.Add(1)
		if _, err := c.Read(buf); err == nil {
			_, _ = c.Write([]byte(webReply))
		}
		c.Close()
	}
}

func (s *server) port() string { return strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port) }
