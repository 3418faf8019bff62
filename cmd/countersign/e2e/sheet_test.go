package e2e

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// sheetPage shows the pictures of the states side by side.
var sheetPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Every state</title><style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 24px; background: #e7e7ea; color: #111; width: 3260px }
h1 { margin: 0 0 4px } h2 { margin: 28px 0 8px; font-size: 22px }
main { display: grid; grid-template-columns: repeat(4, 1fr); gap: 20px }
figure { margin: 0; background: #fff; border-radius: 8px; padding: 10px; overflow: hidden }
figcaption { font-weight: 600; margin-bottom: 8px } figcaption small { font-weight: 400; color: #666; margin-left: 6px }
div { display: flex; gap: 6px; align-items: flex-start }
a { display: block; max-height: 430px; overflow: hidden; border: 1px solid #ccc }
img { display: block }
img.w1280 { width: 280px } img.w320 { width: 92px }
</style></head><body><h1>Every state</h1><p>{{len .}} kinds of pages; each in light and dark at 1280 and at 320 px. A click shows a picture in full.</p>
{{range .}}<h2>{{.Title}} ({{len .States}})</h2><main>{{range .States}}<figure><figcaption>{{.Caption}}<small>{{.Name}}</small></figcaption><div>
{{range .Pictures}}<a href="{{.File}}"><img class="w{{.Width}}" src="{{.File}}" alt="{{.Scheme}}, {{.Width}} px"></a>{{end}}</div></figure>
{{end}}</main>{{end}}</body></html>`))

type sheetPart struct {
	Title  string
	States []sheetState
}

type sheetState struct {
	Name, Caption string
	Pictures      []sheetPicture
}

type sheetPicture struct {
	File, Scheme string
	Width        int64
}

// parts puts the states under the pages that they are of.
func parts() (parts []sheetPart) {
	titles := map[string]string{"billing": "Settings → Billing", "approve": "The approve page", "approvals": "Approvals"}
	at := map[string]int{}
	for _, s := range states {
		kind, _, _ := strings.Cut(s.name, "-")
		if _, known := at[kind]; !known {
			at[kind] = len(parts)
			parts = append(parts, sheetPart{Title: titles[kind]})
		}
		entry := sheetState{Name: s.name, Caption: s.caption}
		for _, l := range looks {
			entry.Pictures = append(entry.Pictures, sheetPicture{pictureName(s.name, l.scheme, l.width) + ".png", l.scheme, l.width})
		}
		p := &parts[at[kind]]
		p.States = append(p.States, entry)
	}
	return parts
}

// contactSheet makes one page, and one picture of it, of the pictures of all
// states. A state whose picture is missing is an error, so it is not made of a
// part of the states.
func contactSheet(t *testing.T) {
	if t.Failed() {
		return
	}
	sheet := parts()
	for _, p := range sheet {
		for _, s := range p.States {
			for _, picture := range s.Pictures {
				if _, err := os.Stat(filepath.Join(artifacts, picture.File)); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
			}
		}
	}
	var html strings.Builder
	if err := sheetPage.Execute(&html, sheet); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(artifacts, "contact-sheet.html")
	err := os.WriteFile(path, []byte(html.String()), 0o600)
	if err == nil {
		err = photograph("file://"+path, filepath.Join(artifacts, "contact-sheet.png"))
	}
	if err != nil {
		t.Error(err)
	}
}

// photograph takes a picture of a page outside of any test's tab.
func photograph(address, path string) error {
	tab, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	defer cancel()
	ctx, stop := context.WithTimeout(tab, 3*patience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(3308, 1000), chromedp.Navigate(address)); err != nil {
		return fmt.Errorf("contact sheet: %w", err)
	}
	height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return err
	}
	if err = chromedp.Do(ctx, chromedp.EmulateViewport(3308, height)); err != nil {
		return err
	}
	r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	return errors.Join(err, os.WriteFile(path, r.Data, 0o600))
}
