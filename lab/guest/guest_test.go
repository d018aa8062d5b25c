package guest

import (
	"slices"
	"strings"
	"testing"
)

func TestOrderPutsDependenciesFirst(t *testing.T) {
	tree, err := parseTree("/m", strings.NewReader(`kernel/a/nf_conntrack.ko: kernel/a/nf_defrag.ko kernel/lib/crc.ko
kernel/a/nf_defrag.ko:
kernel/lib/crc.ko:
kernel/a/ip_vs.ko: kernel/a/nf_conntrack.ko kernel/a/nf_defrag.ko kernel/lib/crc.ko
kernel/a/ip-vs-rr.ko.xz: kernel/a/ip_vs.ko kernel/a/nf_conntrack.ko kernel/a/nf_defrag.ko kernel/lib/crc.ko
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.order([]string{"ip_vs", "ip_vs_rr"})
	want := []string{"kernel/lib/crc.ko", "kernel/a/nf_defrag.ko", "kernel/a/nf_conntrack.ko", "kernel/a/ip_vs.ko", "kernel/a/ip-vs-rr.ko.xz"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("order = %v, %v, want %v", got, err, want)
	}
	if _, err := tree.order([]string{"ip_vs_xx"}); err == nil || err.Error() != "load module ip_vs_xx: not in /m" {
		t.Errorf("order of an unknown module = %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/opt/bin:/usr/bin", "TMPDIR=/scratch", "HOME=/h", "LAB_OUT=/o", "LAB_KERNEL=uml"}, "host")
	want := []string{"HOME=/h", "PATH=/opt/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/sbin:/bin", "LAB_KERNEL=host", "LAB_OUT=/run/lab/out"}
	if !slices.Equal(got, want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
	if got := environment(nil, "uml"); !slices.Contains(got, "MODPROBE_OPTIONS=-d /run/lab") {
		t.Errorf("environment of a booted kernel = %q, want the place of its modules", got)
	}
}
