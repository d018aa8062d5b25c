package monitor

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// TablePath is where the kernel shows its table to everybody.
const TablePath = "/proc/net/ip_vs"

// maxTable bounds the table that is read, in bytes: some 100,000 rows.
const maxTable = 16 << 20

// RoutingTable reads the kernel's table and writes it as ipvsadm -L -n does.
func RoutingTable(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return formatTable(io.LimitReader(f, maxTable))
}

// formatTable aligns the columns and writes addresses, marks and masks as people do.
func formatTable(in io.Reader) (string, error) {
	var b strings.Builder
	lines := bufio.NewScanner(in)
	for n := 0; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		switch {
		case n == 0:
			b.WriteString(lines.Text())
		case n == 1:
			b.WriteString("Prot LocalAddress:Port Scheduler Flags")
		case n == 2:
			b.WriteString("  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn")
		case len(words) == 0:
			continue
		case words[0] == "->" && len(words) >= 6:
			fmt.Fprintf(&b, "  -> %-28s %-7s %-6s %-10s %-10s", endpoint(words[1]), words[2], words[3], words[4], words[5])
		default:
			b.WriteString(serviceLine(words))
		}
		b.WriteByte('\n')
	}
	return b.String(), lines.Err()
}

// serviceLine writes the row of a virtual server.
func serviceLine(words []string) string {
	if len(words) < 3 {
		return strings.Join(words, " ")
	}
	where := endpoint(words[1])
	if words[0] == "FWM" {
		if mark, err := strconv.ParseUint(words[1], 16, 32); err == nil {
			where = strconv.FormatUint(mark, 10)
		}
	}
	rest := words[3:]
	for i, word := range rest {
		if word == "persistent" && i+2 < len(rest) {
			rest[i+2] = persistMask(rest[i+2])
		}
	}
	return strings.TrimRight(fmt.Sprintf("%-4s %s %s %s", words[0], where, words[2], strings.Join(rest, " ")), " ")
}

// persistMask writes the mask of persistent clients; every client by itself is not worth a word.
func persistMask(text string) string {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 4 || text == "FFFFFFFF" {
		return ""
	}
	return "mask " + netip.AddrFrom4([4]byte(raw)).String()
}

// endpoint turns C0000264:0050 into 192.0.2.100:80, and [2001:0db8:…]:0050 likewise.
func endpoint(text string) string {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text
	}
	port, err := strconv.ParseUint(text[at+1:], 16, 16)
	if err != nil {
		return text
	}
	host := text[:at]
	if raw, err := hex.DecodeString(host); err == nil && len(raw) == 4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw)), uint16(port)).String()
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return netip.AddrPortFrom(a, uint16(port)).String()
	}
	return text
}
