package guest

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/piranha-lvs/piranha/lab/wire"
)

// commandLine is the serial line for the command.
const commandLine = "/dev/ttyS2"

// LineName is the socket in Job.Out that is the line on the machine's own kernel.
const LineName = "line"

// Line is the command's end of bed.Options.Line. It waits until that has been called.
func Line() (io.ReadWriteCloser, error) {
	if os.Getenv("LAB_KERNEL") == "uml" {
		return openLine(commandLine)
	}
	l, err := net.Listen("unix", filepath.Join(wire.OutDir, LineName))
	if err != nil {
		return nil, fmt.Errorf("make the line: %w", err)
	}
	defer l.Close()
	return l.Accept()
}
