// Package htaccess reads who may reach the web panels from a file in the form of Apache 2.2's .htaccess: order, allow and
// deny lines.
//
// Clients are known by their addresses only. Where a line names them in another way, allow does not count and deny counts
// for everybody: what is not understood never lets anyone in.
package htaccess

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Rules are those of one file. The zero value lets everybody in.
type Rules struct {
	allowFirst  bool // order allow,deny: who is not named stays out
	closed      bool // there is a line that is not understood: everybody stays out
	allow, deny []netip.Prefix
}

// LineError is a line that does not do what its author meant.
type LineError struct {
	Line int // counted from 1
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return "line " + strconv.Itoa(e.Line) + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// ignored are directives that say nothing about addresses. The panels have a sign-in of their own.
var ignored = []string{
	"authtype", "authname", "authuserfile", "authgroupfile", "authbasicprovider", "require", "satisfy", "options", "errordocument", "directoryindex",
}

// Parse reads a text. The rules can be used whatever is wrong with it.
func Parse(text string) (Rules, []*LineError) {
	var r Rules
	var found []*LineError
	text = strings.ReplaceAll(text, "\\\n", " ") // a line that goes on; the numbers of those behind it are lower by one
	for i, line := range strings.Split(text, "\n") {
		if err := r.take(strings.Fields(line)); err != nil {
			found = append(found, &LineError{Line: i + 1, Err: err})
		}
	}
	return r, found
}

// take reads the words of a line.
func (r *Rules) take(words []string) error {
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	switch name := strings.ToLower(words[0]); {
	case name == "order":
		return r.order(words[1:])
	case name == "allow" || name == "deny":
		return r.list(name, words[1:])
	case name == "require" && len(words) > 1 && !strings.HasPrefix(strings.ToLower(words[1]), "valid-user") && !strings.EqualFold(words[1], "user"):
		r.closed = true
		return errors.New("require is not understood here: everybody is kept out; write order, allow and deny")
	case slices.Contains(ignored, name):
		return fmt.Errorf("%s is not looked at", words[0])
	case strings.HasPrefix(name, "<limit") || strings.HasPrefix(name, "</limit"):
		// Such a section once was the hole in the original's protection.
		return errors.New("the lines of the section count for all methods")
	}
	r.closed = true
	return fmt.Errorf("%s is not understood: everybody is kept out", strconv.Quote(words[0]))
}

// order reads which of the two lists counts first. Blanks around the comma are common.
func (r *Rules) order(words []string) error {
	switch strings.ToLower(strings.Join(words, "")) {
	case "deny,allow":
		r.allowFirst = false
	case "allow,deny", "mutual-failure":
		r.allowFirst = true
	default:
		r.closed = true
		return errors.New("order deny,allow or order allow,deny expected: everybody is kept out")
	}
	return nil
}

// list reads "from WHO...".
func (r *Rules) list(name string, words []string) error {
	if len(words) < 2 || !strings.EqualFold(words[0], "from") {
		r.closed = true
		return fmt.Errorf("%s from ADDRESS expected: everybody is kept out", name)
	}
	var failed []error
	for _, word := range words[1:] {
		who, err := parseWho(word)
		switch {
		case err == nil && name == "allow":
			r.allow = append(r.allow, who...)
		case err == nil:
			r.deny = append(r.deny, who...)
		case name == "allow":
			failed = append(failed, fmt.Errorf("%q lets nobody in: %w", word, err))
		default:
			r.deny = append(r.deny, everybody()...)
			failed = append(failed, fmt.Errorf("%q keeps everybody out: %w", word, err))
		}
	}
	return errors.Join(failed...)
}

func everybody() []netip.Prefix {
	return []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
}

var errWho = errors.New("all, an address, the beginning of one (172.16.57), network/mask or network/length expected")

// parseWho reads one of the forms in which clients are named.
func parseWho(word string) ([]netip.Prefix, error) {
	if strings.EqualFold(word, "all") {
		return everybody(), nil
	}
	if network, mask, ok := strings.Cut(word, "/"); ok {
		return parseNetwork(network, mask)
	}
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	return parsePartial(word)
}

// parsePartial reads the first one to three numbers of an IPv4 address.
func parsePartial(word string) ([]netip.Prefix, error) {
	parts := strings.Split(strings.TrimSuffix(word, "."), ".")
	if len(parts) > 3 {
		return nil, errWho
	}
	bits := 8 * len(parts)
	for len(parts) < 4 {
		parts = append(parts, "0")
	}
	a, err := netip.ParseAddr(strings.Join(parts, "."))
	if err != nil {
		return nil, errWho
	}
	return []netip.Prefix{netip.PrefixFrom(a, bits)}, nil
}

// parseNetwork reads a network with a mask or the length of one.
func parseNetwork(network, mask string) ([]netip.Prefix, error) {
	base, err := netip.ParseAddr(network)
	if err != nil {
		whole, err := parsePartial(network) // 10.1/16
		if err != nil {
			return nil, errWho
		}
		base = whole[0].Addr()
	}
	bits, err := strconv.ParseUint(mask, 10, 8)
	if err != nil {
		if bits, err = maskBits(mask); err != nil || !base.Is4() {
			return nil, errWho
		}
	}
	p, err := base.Prefix(int(bits))
	if err != nil {
		return nil, errWho
	}
	return []netip.Prefix{p}, nil
}

// maskBits reads a dotted mask.
func maskBits(mask string) (uint64, error) {
	a, err := netip.ParseAddr(mask)
	if err != nil || !a.Is4() {
		return 0, errWho
	}
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	bits := uint64(0)
	for ; n&(1<<31) != 0; n <<= 1 {
		bits++
	}
	if n != 0 {
		return 0, errWho
	}
	return bits, nil
}

// Allow tells whether a client may come in.
func (r Rules) Allow(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	allowed, denied := in(r.allow, client), in(r.deny, client)
	switch {
	case r.closed:
		return false
	case r.allowFirst:
		return allowed && !denied
	}
	return allowed || !denied
}

func in(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
