package cmdline

// Set by the linker: -X github.com/piranha-lvs/piranha/internal/cmdline.version=1.0.0, and so on.
var (
	version = "devel"
	release = "0"
	built   = "unknown"
)

// Version is the version of the suite, as --version shows it.
func Version() string { return version }

// versionText is the original's three lines; scripts that look for "Program Version:" find it.
func versionText(name string) string {
	return "Program Version:\t" + name + " " + version + "\n" +
		"Built:\t\t\t" + built + "\n" +
		"A component of:\t\tpiranha-" + version + "-" + release + "\n"
}
