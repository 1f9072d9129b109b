package simfleet

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProgram(t *testing.T) {
	begin := "printf '%s\\n' 'nd-begin N1'\n"
	wire := func(program, payload string) string {
		return itoa(len(program)) + "\n" + program + payload
	}
	tests := map[string]struct {
		in      string
		want    Program
		payload string
		bad     string
	}{
		"whole": {
			wire(begin+"set -- 'a b' 'it'\\''s' ''\n#!/bin/sh\n# nixdeploy remote script: probe.sh\necho\n", "pay\x00load\n"),
			Program{"N1", "probe.sh", []string{"a b", "it's", ""}, "#!/bin/sh\n# nixdeploy remote script: probe.sh\necho\n"}, "pay\x00load\n", "",
		},
		"no arguments":         {wire(begin+"set --\nx", ""), Program{"N1", "", nil, "x"}, "", ""},
		"newlines in argument": {wire(begin+"set -- 'a\nset -- '\\''b'\\''\n' 'c'\n", ""), Program{"N1", "", []string{"a\nset -- 'b'\n", "c"}, ""}, "", ""},
		"name too late":        {wire(begin+"set --\n1\n2\n3\n4\n5\n# nixdeploy remote script: x\n", ""), Program{"N1", "", nil, "1\n2\n3\n4\n5\n# nixdeploy remote script: x\n"}, "", ""},
		"empty":                {bad: "length line", in: ""},
		"no number":            {bad: "not a number", in: "abc\n"},
		"negative":             {bad: "not a number", in: "-1\n"},
		"huge":                 {bad: "out of range", in: "99999999\n"},
		"endless number":       {bad: "not a number", in: strings.Repeat("1", 100)},
		"short":                {bad: "announced", in: "10\nabc"},
		"no begin":             {bad: "no begin line", in: wire("set --\n", "")},
		"no nonce":             {bad: "malformed begin", in: wire("printf '%s\\n' 'nd-begin '\nset --\n", "")},
		"no set":               {bad: "no set line", in: wire(begin+"echo\n", "")},
		"open quote":           {bad: "not closed", in: wire(begin+"set -- 'a\n", "")},
		"unquoted":             {bad: "not quoted", in: wire(begin+"set -- a\n", "")},
		"code after arguments": {bad: "does not end", in: wire(begin+"set -- 'a'; id\n", "")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, payload, err := ParseProgram(strings.NewReader(tt.in))
			if tt.bad != "" {
				if err == nil || !strings.Contains(err.Error(), tt.bad) {
					t.Fatalf("error %v, want one with %q", err, tt.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if string(rest) != tt.payload {
				t.Errorf("payload %q, want %q", rest, tt.payload)
			}
		})
	}
}

func itoa(n int) string {
	var digits []byte
	for ; n > 0; n /= 10 {
		digits = append([]byte{byte('0' + n%10)}, digits...)
	}
	return string(digits)
}

// Whatever arrives is read or refused, and what is read is what was sent.
func FuzzParseProgram(f *testing.F) {
	for _, s := range []string{
		"", "0\n", "3\nabc", "46\nprintf '%s\\n' 'nd-begin N'\nset -- 'a' 'b'\ntrue\n",
		"33\nprintf '%s\\n' 'nd-begin N'\nset --\npayload", "99999999\n", "-5\n", "1\n'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, payload, err := ParseProgram(strings.NewReader(in))
		if err != nil {
			return
		}
		program := "printf '%s\\n' 'nd-begin " + p.Nonce + "'\nset --"
		for _, a := range p.Args {
			program += " '" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		program += "\n" + p.Text
		rest, err := io.ReadAll(payload)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := ParseProgram(strings.NewReader(itoa(len(program)) + "\n" + program))
		if err != nil || !cmp.Equal(p, again) {
			t.Errorf("%+v came back as %+v (%v)", p, again, err)
		}
		if !strings.HasSuffix(in, string(rest)) {
			t.Errorf("payload %q is not the end of the input", rest)
		}
	})
}
