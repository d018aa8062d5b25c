package heartbeat

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// MaxSize is the longest datagram, in bytes, that this and later versions send or read.
const MaxSize = 512

// Sizes and offsets, in bytes; everything is little-endian. doc/heartbeat.md has the table.
const (
	plainSize   = 4 // all an original sends
	atTrailer   = 4
	atVersion   = 8
	atAuth      = 9
	atLength    = 10
	atBoot      = 12
	atCounter   = 28
	atEcho      = 36
	atEchoCount = 52
	atRole      = 60
	atChannel   = 61
	atFlags     = 62
	atTurn      = 64
	atHeld      = 68
	atSerial    = 72
	atDigest    = 80
	atUp        = 88
	atConfig    = 92
	fixedSize   = 96 // later fields follow, each of type, length, value
	tagSize     = 32

	trailerMagic = 'P' | 'L'<<8 | 'V'<<16 | 'S'<<24
	version      = 1
	authNone     = 0
	authHMAC     = 1 // HMAC-SHA256 in the last 32 bytes
)

// Errors of Decode.
var (
	ErrShort   = errors.New("shorter than four bytes")
	ErrUnknown = errors.New("unknown kind of heartbeat")
	ErrTrailer = errors.New("malformed trailer")
)

// magics are the original's values (piranha-pulse.md 1.2), by Kind.
var magics = [...]uint32{
	LVSRunning: 0xBDADDBDA,
	LVSStopped: 0xADBDDABD,
	FOSRunning: 0xBEEFBABE,
	FOSStopped: 0xDEADBEEF,
	FOSStopMe:  0xDEADDADA,
	Hold:       0xDEAFBABE,
	Held:       0xDEAFDADA,
}

func kindOf(magic uint32) Kind {
	for k := LVSRunning; k <= Held; k++ {
		if magics[k] == magic {
			return k
		}
	}
	return 0
}

// Append appends p to dst as it goes over the wire: four bytes, the trailer if p has one, and the authentication code if
// there is a key. p.Signed is not looked at. An original router reads the first four bytes and no more.
func Append(dst []byte, p Packet, key *Key) []byte {
	if key == nil || !p.Trailer {
		return appendPacket(dst, p, nil)
	}
	return appendPacket(dst, p, key.mac())
}

func appendPacket(dst []byte, p Packet, m *mac) []byte {
	start := len(dst)
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, magics[p.Kind])
	if !p.Trailer {
		return dst
	}
	auth, length := byte(authNone), fixedSize
	if m != nil {
		auth, length = authHMAC, fixedSize+tagSize
	}
	dst = le.AppendUint32(dst, trailerMagic)
	dst = append(dst, version, auth)
	dst = le.AppendUint16(dst, uint16(length))
	dst = append(dst, p.Boot[:]...)
	dst = le.AppendUint64(dst, p.Counter)
	dst = append(dst, p.EchoBoot[:]...)
	dst = le.AppendUint64(dst, p.EchoCounter)
	dst = append(dst, byte(p.Role), byte(p.Channel))
	dst = le.AppendUint16(dst, uint16(p.Flags))
	dst = le.AppendUint32(dst, p.Turn)
	dst = le.AppendUint32(dst, seconds(p.Held))
	dst = le.AppendUint64(dst, uint64(p.Serial))
	dst = append(dst, p.Digest[:]...)
	dst = le.AppendUint32(dst, p.Up)
	dst = le.AppendUint32(dst, p.Configured)
	if m != nil {
		dst = m.sum(dst, dst[start:])
	}
	return dst
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), math.MaxUint32))
}

// Decode reads a datagram. Both byte orders of the first four bytes are taken: an original on a big-endian machine
// sends them its own way. Bytes after those four that are not our trailer are ignored, as the original does; a trailer
// that begins like ours must be whole. The authentication code is not checked.
func Decode(b []byte) (Packet, error) {
	if len(b) < plainSize {
		return Packet{}, ErrShort
	}
	k := kindOf(binary.LittleEndian.Uint32(b))
	if k == 0 {
		k = kindOf(binary.BigEndian.Uint32(b))
	}
	if k == 0 {
		return Packet{}, ErrUnknown
	}
	if len(b) < atTrailer+4 || binary.LittleEndian.Uint32(b[atTrailer:]) != trailerMagic {
		return Packet{Kind: k}, nil
	}
	if !wellFormed(b) {
		return Packet{}, ErrTrailer
	}
	return fields(k, b), nil
}

// wellFormed checks b, which begins with both magics. A later version may add fields at the end of the trailer but keeps
// everything before; so may another kind of authentication, whose code then cannot be told from such fields.
func wellFormed(b []byte) bool {
	if len(b) < fixedSize || len(b) > MaxSize || int(binary.LittleEndian.Uint16(b[atLength:])) != len(b) || b[atVersion] == 0 {
		return false
	}
	role, channel := Role(b[atRole]), Channel(b[atChannel])
	if role != Primary && role != Backup || channel != Public && channel != Private {
		return false
	}
	if [16]byte(b[atBoot:atCounter]) == (BootID{}) || binary.LittleEndian.Uint64(b[atCounter:]) == 0 {
		return false
	}
	end := len(b)
	switch b[atAuth] {
	case authNone:
	case authHMAC:
		end -= tagSize
	default:
		return true
	}
	return end >= fixedSize && fit(b[fixedSize:end])
}

// fit tells whether b is a row of fields: one byte type, one byte length, value.
func fit(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return false
		}
		b = b[2+int(b[1]):]
	}
	return true
}

func fields(k Kind, b []byte) Packet {
	le := binary.LittleEndian
	return Packet{
		Kind:        k,
		Trailer:     true,
		Signed:      b[atAuth] == authHMAC,
		Boot:        BootID(b[atBoot:]),
		Counter:     le.Uint64(b[atCounter:]),
		EchoBoot:    BootID(b[atEcho:]),
		EchoCounter: le.Uint64(b[atEchoCount:]),
		Role:        Role(b[atRole]),
		Channel:     Channel(b[atChannel]),
		Flags:       Flags(le.Uint16(b[atFlags:])),
		Turn:        le.Uint32(b[atTurn:]),
		Held:        time.Duration(le.Uint32(b[atHeld:])) * time.Second,
		Serial:      int64(le.Uint64(b[atSerial:])),
		Digest:      [8]byte(b[atDigest:]),
		Up:          le.Uint32(b[atUp:]),
		Configured:  le.Uint32(b[atConfig:]),
	}
}
