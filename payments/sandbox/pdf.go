package sandbox

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func (s *Server) showPDF(r *http.Request) answer {
	in, a := s.hosted(r)
	if in == nil {
		return a
	}
	rows := []string{
		"Invoice " + in.Number, "Sandbox: no real money", "",
		"Date: " + time.Unix(in.Created, 0).UTC().Format("2 January 2006"),
		"Status: " + in.Status, "",
	}
	for _, l := range in.Lines {
		rows = append(rows, l.Description+"   "+money(l.Amount, in.Currency))
	}
	rows = append(rows, "", "Total   "+money(in.Total, in.Currency))
	if in.AmountDue != in.Total {
		rows = append(rows, "Taken from or put into the balance   "+money(in.AmountDue-in.Total, in.Currency))
	}
	return answer{raw: pdf(append(rows, "Amount due   "+money(in.AmountDue, in.Currency)))}
}

// pdf sets rows of text on one page, in a built-in font.
func pdf(rows []string) []byte {
	esc := strings.NewReplacer("\\", "\\\\", "(", "\\(", ")", "\\)", "×", "\xd7", "€", "\x80", "£", "\xa3", "¥", "\xa5")
	var text strings.Builder
	text.WriteString("BT /F1 12 Tf 16 TL 56 780 Td\n")
	for _, row := range rows {
		fmt.Fprintf(&text, "(%s) Tj T*\n", esc.Replace(row))
	}
	text.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, off := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&out, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return out.Bytes()
}
