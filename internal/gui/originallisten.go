package gui

import (
	"errors"
	"io/fs"
	"net"
	"strconv"
	"strings"
)

// OriginalListen returns where the original's web server was told to listen, as ADDR:PORT, by the first Listen line of its
// file; "" if it was not told.
func OriginalListen(path string) (string, error) {
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.EqualFold(words[0], "Listen") {
			continue
		}
		host, port := "", words[1]
		if strings.Contains(port, ":") {
			if host, port, err = net.SplitHostPort(words[1]); err != nil {
				return "", err
			}
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", &net.AddrError{Err: path + ": Listen is followed by no port", Addr: words[1]}
		}
		return net.JoinHostPort(host, port), nil
	}
	return "", nil
}
