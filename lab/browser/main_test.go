package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// chromium is the browser that all tests share; each has a profile of its own in it.
var chromium context.Context

// together is how many windows are open at a time: some of what they do is waiting.
const together = "3"

func TestMain(m *testing.M) {
	if os.Getenv("LAB_BROWSER") == "" {
		fmt.Println("browser: skipped: it needs Chromium (make browser)")
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	os.Exit(withBrowser(m.Run))
}

func withBrowser(tests func() int) int {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1280, 1600))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "browser: chromium does not start:", err)
		return 1
	}
	chromium = ctx
	return tests()
}
