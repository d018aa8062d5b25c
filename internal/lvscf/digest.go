package lvscf

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Digest is a fingerprint of what the file says: equal for two files that differ only in comments, blanks, quotes, line
// ends or serial_no. Order counts, because the last of two equal keys does.
func (d *Document) Digest() [sha256.Size]byte {
	m := meaning{text: d.text, sum: sha256.New()}
	walk(d.text, &m)
	return [sha256.Size]byte(m.sum.Sum(nil))
}

// meaning is a visitor that hashes statements.
type meaning struct {
	text  string
	sum   hash.Hash
	depth int
	buf   []byte
}

func (m *meaning) assign(st *statement) {
	key := st.key.value(m.text)
	if m.depth == 0 && key == "serial_no" {
		return
	}
	m.begin('=', key)
	in := InGlobal
	if m.depth > 0 {
		in = InVirtual
	}
	if i := findKey(in, key); i >= 0 && keys[i].Kind == List {
		m.list(st)
	} else {
		st.fit(m.text, 1)
		for i := range st.n {
			m.add(st.tok[i].value(m.text))
		}
	}
	m.end()
}

func (m *meaning) list(st *statement) {
	items, _, _ := readList(m.text, st.first, st.end)
	for _, item := range items {
		m.add(item)
	}
}

func (m *meaning) open(st *statement, name token, _ bool) {
	m.depth++
	m.begin('{', keyword(st.scope))
	m.add(name.value(m.text))
	m.end()
}

func (m *meaning) shut(*statement) {
	m.depth--
	m.begin('}', "")
	m.end()
}

func (m *meaning) structural(structural) {}

func (m *meaning) begin(kind byte, key string) {
	m.buf = append(m.buf[:0], kind)
	m.add(key)
}

// add puts the length before the text, so that no two lists of words look alike.
func (m *meaning) add(word string) {
	m.buf = binary.AppendUvarint(m.buf, uint64(len(word)))
	m.buf = append(m.buf, word...)
}

func (m *meaning) end() { m.sum.Write(append(m.buf, '\n')) }
