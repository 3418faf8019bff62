package views

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/static"
)

func TestGallery(t *testing.T) {
	dir := os.Getenv("GALLERY")
	if dir == "" {
		t.Skip()
	}
	os.MkdirAll(filepath.Join(dir, "static"), 0o755)
	for _, n := range []string{"app.css", "app.js", "htmx.min.js", "inter.woff2", "favicon.svg"} {
		w := httptest.NewRecorder()
		static.Handler().ServeHTTP(w, httptest.NewRequest("GET", static.Path(n), nil))
		b, _ := io.ReadAll(w.Body)
		os.WriteFile(filepath.Join(dir, strings.TrimPrefix(static.Path(n), "/")), b, 0o644)
	}
	for name, c := range samples() {
		f, _ := os.Create(filepath.Join(dir, name+".html"))
		if err := c.Render(context.Background(), f); err != nil {
			t.Fatal(name, err)
		}
		f.Close()
	}
}
