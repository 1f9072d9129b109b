package remote

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := map[string]struct {
		in   string
		want []string
	}{
		"nothing":             {"", nil},
		"one":                 {"a\n", []string{"a"}},
		"no newline at end":   {"a\nb", []string{"a", "b"}},
		"empty lines":         {"\n\na\n\n", []string{"", "", "a", ""}},
		"any bytes":           {"\x00\xff\r\n\x1b[31m\n", []string{"\x00\xff\r", "\x1b[31m"}},
		"exactly the limit":   {long + "\nb\n", []string{long, "b"}},
		"cut at the limit":    {long + "nd-begin\nb\n", []string{long, "b"}},
		"cut without newline": {long + long, []string{long}},
		"longer than buffer":  {strings.Repeat("y", 10000) + "\nz\n", []string{strings.Repeat("y", 10000), "z"}},
	}
	for name, tt := range tests {
		for reader, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "data with EOF": iotest.DataErrReader,
		} {
			t.Run(name+"/"+reader, func(t *testing.T) {
				var got []string
				must(t, readLines(wrap(strings.NewReader(tt.in)), func(s string) bool { got = append(got, s); return true }))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff[:min(len(diff), 400)])
				}
			})
		}
	}
}

func TestReadLinesKeepsWhatCameBeforeAnError(t *testing.T) {
	broken := errors.New("broken")
	var got []string
	err := readLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), func(s string) bool { got = append(got, s); return true })
	if !errors.Is(err, broken) || len(got) != 2 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReadLinesStops(t *testing.T) {
	r, n := strings.NewReader("a\nb\nc\n"), 0
	must(t, readLines(r, func(string) bool { n++; return n < 2 }))
	if n != 2 || r.Len() != 0 {
		t.Errorf("%d lines handed on, %d bytes left unread", n, r.Len())
	}
}
