package browser

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestAxe has axe-core look for what keeps people from using a page: on a wide screen, and on a phone in the dark. LAB_AXE names the
// script (npm package axe-core).
func TestAxe(t *testing.T) {
	t.Parallel()
	path := os.Getenv("LAB_AXE")
	if path == "" {
		t.Skip("LAB_AXE does not name axe.min.js")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, cluster, true)
	b := d.newTab(true)
	b.visit("/login")
	b.axe("login", string(axe))
	b.signIn()
	b.visit("/virtual/edit?v=web")
	b.fill("port", "8080")
	b.press("Accept")
	for name, path := range pages() {
		b.visit(path)
		b.axe(name, string(axe))
	}
	b.visit("/virtual/edit?v=web")
	b.fill("port", "99999")
	b.press("Accept")
	b.says("Not saved")
	b.axe("refused", string(axe))
}

// axe reports what is serious on the page.
func (b *tab) axe(name, script string) {
	b.t.Helper()
	for _, as := range []struct {
		scheme string
		width  int64
	}{{"light", 1280}, {"dark", 390}} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: as.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: as.width, Height: 3000, DeviceScaleFactor: 1, Mobile: as.width < 500})
		found := get(b, chromedp.Evaluate[string](script+look, chromedp.EvalAwaitPromise))
		if strings.TrimSpace(found) != "" {
			b.t.Errorf("%s, %s, %d pixels:\n%s", name, as.scheme, as.width, found)
		}
	}
}

// look has axe-core write what it has found.
const look = `
;axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => (r.passes.length > 5 ? "" : "axe has looked at nothing\n") + r.violations
	.filter((v) => v.impact === "serious" || v.impact === "critical")
	.map((v) => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 3).map((n) => "  " + n.html.slice(0, 200) + "\n  " + n.failureSummary).join("\n")).join("\n"))`
