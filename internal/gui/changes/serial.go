package changes

import (
	"strconv"

	"github.com/piranha-lvs/piranha/internal/lvscf"
)

// maxSerial is the largest serial_no every version of the suite can read.
const maxSerial = 1<<31 - 1

// maxSerialLine is how much longer a text can become by a serial_no, in bytes.
const maxSerialLine = 64

// Serial is the serial_no of a text; 0: it has none, or none that is a number.
func Serial(text []byte) int64 {
	d, err := lvscf.Parse("lvs.cf", text)
	if err != nil {
		return 0
	}
	value, _, err := d.Get(lvscf.Path{}, "serial_no")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(value, 0, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Numbered is a text with another serial_no.
func Numbered(text []byte, serial int64) ([]byte, error) {
	d, err := lvscf.Parse("lvs.cf", text)
	if err != nil {
		return nil, err
	}
	if err := d.Set(lvscf.Path{}, "serial_no", strconv.FormatInt(serial, 10)); err != nil {
		return nil, err
	}
	return d.Bytes(), nil
}

// Next is the serial_no after one.
func Next(serial int64) int64 {
	if serial >= maxSerial {
		return 1
	}
	return serial + 1
}

// After is what is written when a draft is applied: its serial_no is one more than that of lvs.cf, unless somebody has given
// it one by hand.
func (d *Draft) After() ([]byte, error) {
	if was := Serial(d.Base); Serial(d.Text) == was {
		return Numbered(d.Text, Next(was))
	}
	return d.Text, nil
}

// Back is what lvs.cf becomes when an apply is taken back: what it was, with a serial_no that has not been used.
func (a *Apply) Back() ([]byte, error) { return Numbered(a.Before, Next(Serial(a.After))) }
