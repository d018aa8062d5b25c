package lvscf

import (
	"errors"
	"fmt"
)

// Ref names a block among its neighbours. Names need not be unique: N is the place among those of that name, from 0.
type Ref struct {
	Name string
	N    int
}

// Path addresses a block: the zero Path the global part, Virtual or Failover a service, and Server with one of them a
// real server in it.
type Path struct {
	Virtual, Failover, Server Ref
}

// VirtualPath addresses the first virtual block of that name.
func VirtualPath(name string) Path { return Path{Virtual: Ref{Name: name}} }

// FailoverPath addresses the first failover block of that name.
func FailoverPath(name string) Path { return Path{Failover: Ref{Name: name}} }

// In addresses the first server block of that name in the service p addresses.
func (p Path) In(server string) Path {
	p.Server = Ref{Name: server}
	return p
}

// VirtualPath addresses the block c.Virtual[i] was read from.
func (c *Config) VirtualPath(i int) Path {
	ref := Ref{Name: c.Virtual[i].Name}
	for _, vs := range c.Virtual[:i] {
		if vs.Name == ref.Name {
			ref.N++
		}
	}
	return Path{Virtual: ref}
}

// FailoverPath addresses the block c.Failover[i] was read from.
func (c *Config) FailoverPath(i int) Path {
	ref := Ref{Name: c.Failover[i].Name}
	for _, fs := range c.Failover[:i] {
		if fs.Name == ref.Name {
			ref.N++
		}
	}
	return Path{Failover: ref}
}

// ServerPath addresses the block vs.Servers[i] was read from; p addresses vs.
func (vs *VirtualServer) ServerPath(p Path, i int) Path {
	p.Server = Ref{Name: vs.Servers[i].Name}
	for _, rs := range vs.Servers[:i] {
		if rs.Name == p.Server.Name {
			p.Server.N++
		}
	}
	return p
}

// String names the block as findings do.
func (p Path) String() string {
	switch {
	case p.Server != (Ref{}):
		return p.parent().String() + " server " + p.Server.String()
	case p.Virtual != (Ref{}):
		return "virtual " + p.Virtual.String()
	case p.Failover != (Ref{}):
		return "failover " + p.Failover.String()
	}
	return "global part"
}

// String quotes the name; those behind the first of a name show their place.
func (r Ref) String() string {
	if r.N > 0 {
		return fmt.Sprintf("%s (number %d of that name)", quoteName(r.Name), r.N+1)
	}
	return quoteName(r.Name)
}

// parent is the block around a server block, or the global part.
func (p Path) parent() Path {
	if p.Server == (Ref{}) {
		return Path{}
	}
	p.Server = Ref{}
	return p
}

// scope is the kind of block p addresses, 0 if it addresses none.
func (p Path) scope() Scope {
	switch virtual, failover, server := p.Virtual != (Ref{}), p.Failover != (Ref{}), p.Server != (Ref{}); {
	case virtual && failover || server && !virtual && !failover:
		return 0
	case server:
		return InServer
	case virtual:
		return InVirtual
	case failover:
		return InFailover
	}
	return InGlobal
}

// ref is the last step of the path.
func (p Path) ref() Ref {
	switch p.scope() {
	case InServer:
		return p.Server
	case InVirtual:
		return p.Virtual
	}
	return p.Failover
}

// Errors of the editing methods; errors.Is finds them.
var (
	ErrNoBlock = errors.New("no such block")            // the path leads nowhere
	ErrExists  = errors.New("the name is used already") // by a block of the same kind in the same place
	ErrKey     = errors.New("no such key")              // not in that kind of block
	ErrValue   = errors.New("cannot be written")        // the value or name has no form in the file
)
