package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// stepTime is how long a page may take to show something: a busy machine changes nothing.
const stepTime = time.Minute

// tab is somebody's browser window.
type tab struct {
	t   *testing.T
	d   *desk
	ctx context.Context
}

// newTab opens one in a profile of its own. What the browser complains of, such as a script that its policy forbids, fails
// the test.
func (d *desk) newTab(script bool) *tab {
	d.t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	d.t.Cleanup(cancel)
	b := &tab{d.t, d, ctx}
	var mu sync.Mutex
	var complaints []string
	complain := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, text)
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			// That a page was answered with an error status is for the tests to say.
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
				complain(e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			complain(fmt.Sprintf("%+v", e.ExceptionDetails))
		}
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, text := range complaints {
			d.t.Errorf("the browser complains: %s", text)
		}
	})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
	return b
}

// call makes a call of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) do(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

// load does something that loads a page, and waits for that.
func (b *tab) load(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, action); err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

func (b *tab) visit(path string) {
	b.t.Helper()
	b.load(chromedp.Navigate(b.d.url + path))
}

// text is what the page says.
func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		return err.Error()
	}
	return text
}

// says waits until the page says some texts, whatever their capitals: it may be about to be loaded, or to change by itself.
func (b *tab) says(texts ...string) {
	b.t.Helper()
	for end := time.Now().Add(stepTime); ; time.Sleep(50 * time.Millisecond) {
		page := b.text()
		missing := ""
		for _, text := range texts {
			if !strings.Contains(strings.ToLower(page), strings.ToLower(text)) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("no %q in\n%s", missing, page)
		}
	}
}

// fill enters values into fields, in turn.
func (b *tab) fill(kv ...string) {
	b.t.Helper()
	for i := 0; i < len(kv); i += 2 {
		b.do(chromedp.SetValue(chromedp.CSS(`main [name="`+kv[i]+`"]:not([type=hidden])`), kv[i+1]))
	}
}

// tick clicks on a checkbox or the like.
func (b *tab) tick(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// press presses the button or follows the link that says so.
func (b *tab) press(text string) {
	b.t.Helper()
	b.load(chromedp.Click(chromedp.Search(`//main//*[self::button or self::a][normalize-space()="` + text + `"]`)))
}

func (b *tab) signIn() {
	b.t.Helper()
	b.visit("/")
	b.fill("username", "piranha", "password", password)
	b.press("Login")
	b.says("Daemon: running")
}

// picture keeps what a page looks like.
func (b *tab) picture(name string, width int64, dark bool) {
	b.t.Helper()
	dir := os.Getenv("LAB_OUT")
	if dir == "" {
		dir = filepath.Join(os.Getenv("PIRANHA_BIN"), "screenshots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // no colour halfway to another
	}})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
	height := get(b, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`)) // all of it at once: what sticks to an edge is at its place then
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: max(height, 900), DeviceScaleFactor: 1, Mobile: width < 500})
	png := get(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
	if get(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth + 1`)) {
		b.t.Errorf("%s: the page is wider than %d pixels", name, width)
	}
}

// get does something that has a result.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}
