package heartbeat

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testKey(t testing.TB, secret string) *Key {
	t.Helper()
	k, err := NewKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// samplePacket is the example of doc/heartbeat.md.
func samplePacket() Packet {
	return Packet{
		Kind: LVSRunning, Trailer: true,
		Boot: BootID(unhexMust("00112233445566778899aabbccddeeff")), Counter: 0x0102,
		EchoBoot: BootID(unhexMust("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")), EchoCounter: 7,
		Role: Backup, Channel: Private, Flags: Wanted | Leaving, Turn: 3, Held: 86400 * time.Second,
		Serial: 42, Digest: [8]byte{0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7}, Up: 17, Configured: 18,
	}
}

func unhexMust(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

const sampleKey = "sixteen bytes are"

// sampleUnsigned is samplePacket without a key; sampleSigned with sampleKey. The authentication code was computed with
// another implementation of HMAC.
const (
	sampleUnsigned = `dadbadbd 504c5653 01 00 6000
		00112233445566778899aabbccddeeff 0201000000000000
		a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 0700000000000000
		02 02 0900 03000000 80510100
		2a00000000000000 d0d1d2d3d4d5d6d7 11000000 12000000`
	sampleSigned = `dadbadbd 504c5653 01 01 8000
		00112233445566778899aabbccddeeff 0201000000000000
		a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 0700000000000000
		02 02 0900 03000000 80510100
		2a00000000000000 d0d1d2d3d4d5d6d7 11000000 12000000
		` + sampleCode
	sampleCode = `c5a0a99c2fa349ec313df2da33426bd0 4a92ce43118bf30cd330ebfe5d0775ea`
)

// TestMagics has the bytes of piranha-pulse.md 1.2.
func TestMagics(t *testing.T) {
	for _, tt := range []struct {
		kind        Kind
		little, big string
	}{
		{LVSRunning, "da db ad bd", "bd ad db da"},
		{LVSStopped, "bd da bd ad", "ad bd da bd"},
		{FOSRunning, "be ba ef be", "be ef ba be"},
		{FOSStopped, "ef be ad de", "de ad be ef"},
		{FOSStopMe, "da da ad de", "de ad da da"},
		{Hold, "be ba af de", "de af ba be"},
		{Held, "da da af de", "de af da da"},
	} {
		t.Run(tt.kind.String(), func(t *testing.T) {
			want := Packet{Kind: tt.kind}
			if got := Append(nil, want, testKey(t, sampleKey)); !bytes.Equal(got, unhex(t, tt.little)) {
				t.Errorf("Append = % x, want %s", got, tt.little)
			}
			for _, text := range []string{tt.little, tt.big, tt.little + "00", tt.little + "504c5652 ffffffffffffffff"} {
				if got, err := Decode(unhex(t, text)); got != want || err != nil {
					t.Errorf("Decode(%s) = %+v, %v", text, got, err)
				}
			}
			// With our trailer, too, either order will do.
			long := Append(nil, samplePacket(), nil)
			copy(long, unhex(t, tt.big))
			if got, err := Decode(long); got.Kind != tt.kind || !got.Trailer || err != nil {
				t.Errorf("Decode with trailer = %+v, %v", got, err)
			}
		})
	}
}

func TestTrailer(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		key         *Key
	}{
		{"unsigned", sampleUnsigned, nil},
		{"signed", sampleSigned, testKey(t, sampleKey)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := samplePacket()
			b := unhex(t, tt.bytes)
			if got := Append([]byte("before"), want, tt.key); !bytes.Equal(got, append([]byte("before"), b...)) {
				t.Errorf("Append:\n got %x\nwant %x", got[6:], b)
			}
			want.Signed = tt.key != nil
			if got, err := Decode(b); got != want || err != nil {
				t.Errorf("Decode = %+v, %v", got, err)
			}
			if tt.key != nil && !tt.key.mac().verify(b) {
				t.Error("verify = false")
			}
		})
	}
}

// TestLaterVersions: fields added at the end are skipped, and signed.
func TestLaterVersions(t *testing.T) {
	want := samplePacket()
	b := Append(nil, want, nil)
	b = append(b, 1, 2, 'x', 'y', 200, 0)
	b[atVersion], b[atLength] = 9, byte(len(b))
	if got, err := Decode(b); got != want || err != nil {
		t.Errorf("Decode = %+v, %v", got, err)
	}
	b[atAuth], b[len(b)-1] = 7, 99 // another kind of code: the end is not for us
	if got, err := Decode(b); got != want || err != nil {
		t.Errorf("Decode with a code of a kind unknown = %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	edit := func(f func(b []byte) []byte) []byte { return f(Append(nil, samplePacket(), testKey(t, sampleKey))) }
	set := func(at int, v ...byte) []byte {
		return edit(func(b []byte) []byte { copy(b[at:], v); return b })
	}
	grow := func(tail ...byte) []byte {
		return edit(func(b []byte) []byte {
			b = append(b[:fixedSize], append(tail, b[fixedSize:]...)...)
			b[atLength] = byte(len(b))
			return b
		})
	}
	if _, err := Decode(grow(1, 0)); err != nil {
		t.Errorf("a later field: %v", err)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrShort},
		{"three bytes", []byte{0xda, 0xdb, 0xad}, ErrShort},
		{"unknown kind", unhex(t, "01020304"), ErrUnknown},
		{"middle-endian kind", unhex(t, "dbdabdad"), ErrUnknown},
		{"trailer cut off after its magic", edit(func(b []byte) []byte { return b[:8] }), ErrTrailer},
		{"trailer cut off by one", edit(func(b []byte) []byte { return b[:len(b)-1] }), ErrTrailer},
		{"one byte more", edit(func(b []byte) []byte { return append(b, 0) }), ErrTrailer},
		{"version 0", set(atVersion, 0), ErrTrailer},
		{"length", set(atLength, 96), ErrTrailer},
		{"no room for the code", func() []byte { b := Append(nil, samplePacket(), nil); b[atAuth] = 1; return b }(), ErrTrailer},
		{"no boot id", set(atBoot, make([]byte, 16)...), ErrTrailer},
		{"counter 0", set(atCounter, make([]byte, 8)...), ErrTrailer},
		{"role 0", set(atRole, 0), ErrTrailer},
		{"role 3", set(atRole, 3), ErrTrailer},
		{"channel 0", set(atChannel, 0), ErrTrailer},
		{"later field without length", grow(1), ErrTrailer},
		{"later field longer than the rest", grow(1, 2, 0), ErrTrailer},
		{"longer than all versions", edit(func(b []byte) []byte {
			b = append(b, make([]byte, MaxSize+1-len(b))...)
			b[atLength], b[atLength+1] = 1, 2
			return b
		}), ErrTrailer},
	} {
		if got, err := Decode(tt.b); !errors.Is(err, tt.want) || got != (Packet{}) {
			t.Errorf("%s: Decode = %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// FuzzPacket: what is encoded is decoded to the same.
func FuzzPacket(f *testing.F) {
	f.Add(uint8(1), true, []byte("0123456789abcdef"), uint64(1), uint64(2), uint8(0), uint16(9), uint32(4), int64(-1), []byte("secret secret secret"))
	f.Fuzz(func(t *testing.T, kind uint8, trailer bool, boot []byte, counter, echo uint64, bits uint8, flags uint16, n uint32, serial int64, secret []byte) {
		p := Packet{Kind: Kind(kind%7) + 1}
		key, _ := NewKey(secret)
		if trailer {
			p = Packet{
				Kind: p.Kind, Trailer: true, Signed: key != nil, Counter: max(counter, 1), EchoCounter: echo,
				Role: Role(bits&1) + 1, Channel: Channel(bits>>1&1) + 1, Flags: Flags(flags), Turn: n ^ 0x5555,
				Held: time.Duration(n) * time.Second, Serial: serial, Up: n, Configured: ^n,
			}
			copy(p.Boot[:], boot)
			copy(p.Digest[:], boot)
			p.Boot[3] |= 1
			if len(boot) > 16 {
				copy(p.EchoBoot[:], boot[16:])
			}
		}
		b := Append(nil, p, key)
		if len(b) > 128 {
			t.Errorf("%d bytes", len(b))
		}
		if got, err := Decode(b); got != p || err != nil {
			t.Errorf("Decode(Append(p)):\n got %+v, %v\nwant %+v", got, err, p)
		}
		if p.Signed && !key.mac().verify(b) {
			t.Error("the code is wrong")
		}
	})
}

// FuzzDecode: nothing that comes in panics, and what is taken is taken again after it is written anew.
func FuzzDecode(f *testing.F) {
	f.Add(unhexMust("dadbadbd"))
	f.Add(Append(nil, samplePacket(), nil))
	key, err := NewKey([]byte(sampleKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(Append(nil, samplePacket(), key))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			if p != (Packet{}) {
				t.Errorf("%v with %+v", err, p)
			}
			return
		}
		var k *Key
		if p.Signed {
			k = key
			if k.mac().verify(b) && !bytes.Contains(b, []byte("PLVS")) {
				t.Error("verified something")
			}
		}
		if again, err := Decode(Append(nil, p, k)); again != p || err != nil {
			t.Errorf("again %+v, %v\nfirst %+v", again, err, p)
		}
	})
}
