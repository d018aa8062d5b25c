package pool

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Limits of a line of jobs, in bytes.
const (
	maxLine = 1 << 20 // texts of 64 KiB that have to be escaped
	maxID   = 64
)

// Read takes jobs from r, a line each, until it ends, which is the end of the pool:
//
//	add ID ["nanny's", "arguments"]
//	remove ID
func (p *Pool) Read(r io.Reader) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(lines)
		if len(line) > 0 {
			p.take(line)
		}
		if err != nil {
			p.do(p.quit)
			return
		}
	}
}

// readLine returns the next line without its end. Of one that is too long it returns as much as shows that it is.
func readLine(r *bufio.Reader) (line string, err error) {
	var b strings.Builder
	for {
		piece, err := r.ReadSlice('\n')
		b.Write(piece[:min(len(piece), maxLine+1-b.Len())])
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimSuffix(b.String(), "\n"), err
		}
	}
}

// take understands a line and hands the loop what it asks for.
func (p *Pool) take(line string) {
	verb, rest, _ := strings.Cut(line[:min(len(line), maxLine)], " ")
	id, args, _ := strings.Cut(rest, " ")
	switch {
	case id == "" || len(id) > maxID || verb != "add" && verb != "remove":
		p.log.Error("line of jobs not understood", "line", oneLine(line))
	case verb == "remove":
		p.do(func() { p.remove(id) })
	case len(line) > maxLine:
		p.do(func() { p.add(id, nil, nil, errLong) })
	default:
		var argv []string
		if err := json.Unmarshal([]byte(args), &argv); err != nil {
			p.do(func() { p.add(id, nil, nil, errors.New("job not understood: "+err.Error())) })
			return
		}
		j, watch, err := p.prepare(argv)
		p.do(func() { p.add(id, j, watch, err) })
	}
}

// oneLine is the beginning of a text.
func oneLine(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}
