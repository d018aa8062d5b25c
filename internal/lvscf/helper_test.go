package lvscf

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
)

// fixedLookup is a Lookup over tables; services are "name/protocol", and udp falls back to tcp as SystemLookup does.
func fixedLookup(hosts map[string]string, services map[string]uint16) Lookup {
	return Lookup{
		Host: func(name string) (netip.Addr, error) {
			if addr, ok := hosts[name]; ok {
				return netip.MustParseAddr(addr), nil
			}
			return netip.Addr{}, errors.New("no such host")
		},
		Service: func(name, protocol string) (uint16, error) {
			port, ok := services[name+"/"+protocol]
			if !ok && protocol == "udp" {
				port, ok = services[name+"/tcp"]
			}
			if !ok {
				return 0, errors.New("no such service")
			}
			return port, nil
		},
	}
}

func mustParse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse("lvs.cf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// equalConfig compares two configurations by everything in them.
func equalConfig(t testing.TB, got, want *Config) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Config = %+v\nwant %+v", *got, *want)
	}
}
