package health

import (
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func checkSafe(t *testing.T, s string, most int) {
	t.Helper()
	if len(s) > most {
		t.Errorf("%d bytes, want at most %d", len(s), most)
	}
	if !utf8.ValidString(s) {
		t.Errorf("invalid UTF-8: %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Errorf("unprintable %U in %q", r, s)
		}
	}
}

// Rows 60 and 91: what a host prints is shown, and cannot do anything.
func TestHostileOutputIsCappedAndEscaped(t *testing.T) {
	hostile := map[string]string{
		"huge":          strings.Repeat("x", 10<<20),
		"huge and wide": strings.Repeat("ß", 1<<20),
		"binary":        strings.Repeat("\x00\xff\x1b", 1<<16),
		"escapes":       "\x1b]52;c;aGk=\x07\x1b[2J\u202efdp.exe\u2028\u009b31m",
		"newlines":      "one\ntwo\r\nthree",
	}
	for name, output := range hostile {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told string
				results := RunOnce(t.Context(), []inventory.Check{of(inventory.CheckCommand)}, web,
					&fakeHost{command: func(int) (int, string, error) { return 1, output, nil }}, nil,
					func(_ string, _ bool, detail string) { told = detail })
				checkSafe(t, results[0].Detail, 4<<10)
				checkSafe(t, told, 4<<10)
			})
		})
	}
	if got := tail("a\x1b[31m\nb \xff \u202e"); got != `a\x1b[31m\nb \xff \u202e` {
		t.Errorf("escaped: %q", got)
	}
	if got := tail(strings.Repeat("noise ", 1000) + "the reason"); !strings.HasSuffix(got, "the reason") || !strings.HasPrefix(got, "...") {
		t.Errorf("the end was lost: %q", got)
	}
}

func TestHostileUnitsAreCappedAndEscaped(t *testing.T) {
	many := make([]string, 5000)
	for i := range many {
		many[i] = strings.Repeat("\x1b[31m", 50)
	}
	got := unitsSample(append(many, "real.service"), nil)
	checkSafe(t, got.Detail, 4<<10)
	checkSafe(t, activeSample(many, nil).Detail, 4<<10)
	few := unitsSample([]string{"b.service", "a.service", "b.service"}, nil)
	if few.Detail != "newly failed: a.service, b.service" {
		t.Errorf("detail: %q", few.Detail)
	}
}

func FuzzText(f *testing.F) {
	f.Add("plain", 3)
	f.Add("\x1b[0m\xff\u202e'\"\\\u00ad", 5000)
	f.Fuzz(func(t *testing.T, s string, times int) {
		s = strings.Repeat(s, 1+max(0, times)%2000)
		checkSafe(t, tail(s), shownSeen+3)
		checkSafe(t, head(s), shownAsked+3)
	})
}

func TestDescribe(t *testing.T) {
	six := inventory.Host{Name: "six", Address: "fe80::1%eth0"}
	for _, tt := range []struct {
		check inventory.Check
		host  inventory.Host
		want  string
	}{
		{inventory.Check{Type: inventory.CheckUnits}, web, "units: nothing failed that was not failed before"},
		{inventory.Check{Type: inventory.CheckActive, Units: []string{"a.service", "b.service"}}, web, "active a.service, b.service"},
		{inventory.Check{Type: inventory.CheckHTTP, URL: "https://{address}/{host}"}, web, "http https://10.0.0.1/web-1"},
		{inventory.Check{Type: inventory.CheckHTTP, URL: "https://u:secret@{address}/", From: "host"}, web, "http https://u:xxxxx@10.0.0.1/ (from the host)"},
		{inventory.Check{Type: inventory.CheckHTTP, URL: "https://{address}:8443/"}, six, "http https://[fe80::1%25eth0]:8443/"},
		{inventory.Check{Type: inventory.CheckHTTP, URL: "https://[{address}]/"}, six, "http https://[fe80::1%25eth0]/"},
		{inventory.Check{Type: inventory.CheckHTTP, URL: "https://%zz:secret@web/"}, web, "http a URL that cannot be read"},
		{inventory.Check{Type: inventory.CheckTCP, Address: ":5432"}, six, "tcp [fe80::1%eth0]:5432"},
		{inventory.Check{Type: inventory.CheckTCP, Address: "{address}:22"}, six, "tcp [fe80::1%eth0]:22"},
		{inventory.Check{Type: inventory.CheckTCP, Address: "db.{host}:22", From: "host"}, web, "tcp db.web-1:22 (from the host)"},
		{inventory.Check{Type: inventory.CheckCommand, Command: []string{"test", "-e", "/a\x1b"}}, web, `command test -e /a\x1b`},
		{inventory.Check{Type: "dance"}, web, `a check of the unknown type "dance"`},
	} {
		if got := Describe(tt.check, tt.host); got != tt.want {
			t.Errorf("Describe = %q, want %q", got, tt.want)
		}
	}
}
