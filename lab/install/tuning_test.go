package install

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSettingsExist: the kernel has the settings that doc/tuning.md and the file in sysctl.d name.
func TestSettingsExist(t *testing.T) {
	n := network(t)
	for _, file := range []string{"../../doc/tuning.md", "../../etc/sysctl.d/60-piranha.conf"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`net\.[a-z0-9_]+(\.[a-z0-9_]+)+`).FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no setting", file)
		}
		for _, name := range names {
			if _, err := n.Router(1).ReadSysctl(strings.Replace(name, ".tunl0.", ".eth0.", 1)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	for _, parameter := range []string{"conn_tab_bits"} {
		if _, err := os.Stat(filepath.Join("/sys/module/ip_vs/parameters", parameter)); err != nil {
			t.Error(err)
		}
	}
}
