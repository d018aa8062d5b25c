package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what a process takes, in kB of 1024 bytes.
type memory struct {
	RSS   int // resident
	PSS   int // resident, with its share only of what it shares
	Dirty int // private and written to: what one process more takes
}

// readMemory reads what a process takes.
func readMemory(pid int) (memory, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return memory{}, err
	}
	return parseMemory(text)
}

func parseMemory(rollup []byte) (m memory, err error) {
	fields := map[string]*int{"Rss": &m.RSS, "Pss": &m.PSS, "Private_Dirty": &m.Dirty}
	lines := bufio.NewScanner(bytes.NewReader(rollup))
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		p, wanted := fields[name]
		if !wanted {
			continue
		}
		if *p, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB")); err != nil {
			return memory{}, fmt.Errorf("smaps_rollup: %w", err)
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		return memory{}, fmt.Errorf("smaps_rollup: %d of the figures are missing", len(fields))
	}
	return m, nil
}
