package inventory

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// open makes a stage of windows and freezes.
func open(t *testing.T, windows, freezes []string) Stage {
	t.Helper()
	var s Stage
	zone := time.UTC
	for _, text := range windows {
		w, err := ParseWindow(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Windows = append(s.Windows, w)
		zone = s.Windows[0].zone
	}
	for _, text := range freezes {
		f, err := ParseFreeze(text, zone)
		if err != nil {
			t.Fatal(err)
		}
		s.Freeze = append(s.Freeze, f)
	}
	return s
}

func TestOpening(t *testing.T) {
	office := []string{"Mon-Thu 09:00-16:00 Europe/Amsterdam"}
	summer := []string{"Sun 02:15-02:45 Europe/Amsterdam"}
	for _, c := range []struct {
		name            string
		windows, freeze []string
		now, opens      string // opens "" is open, "never" is never
	}{
		{"no windows", nil, nil, "2026-11-23T00:00:00Z", ""},
		{"in a window, in winter", office, nil, "2026-11-23T08:00:00Z", ""},
		{"a second before it", office, nil, "2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"},
		{"its end is outside", office, nil, "2026-11-23T15:00:00Z", "2026-11-24T08:00:00Z"},
		{"over the weekend", office, nil, "2026-11-26T15:00:00Z", "2026-11-30T08:00:00Z"},
		{"over the weekend of a clock put forward", office, nil, "2026-03-27T12:00:00Z", "2026-03-30T07:00:00Z"},
		{"over the weekend of a clock put back", office, nil, "2026-10-23T12:00:00Z", "2026-10-26T08:00:00Z"},
		{"over midnight", []string{"Fri 22:00-02:00 UTC"}, nil, "2026-11-28T01:59:59Z", ""},
		{"not on the next evening", []string{"Fri 22:00-02:00 UTC"}, nil, "2026-11-28T22:30:00Z", "2026-12-04T22:00:00Z"},
		{"a whole day", []string{"Sat 00:00-24:00 UTC"}, nil, "2026-11-28T23:59:59Z", ""},
		{"days around the week's end", []string{"Sat-Mon 10:00-11:00 UTC"}, nil, "2026-11-24T10:30:00Z", "2026-11-28T10:00:00Z"},
		{"some days", []string{"tue,Sat 10:00-11:00 UTC"}, nil, "2026-11-24T11:00:00Z", "2026-11-28T10:00:00Z"},
		{"the nearer of two", []string{"Sat 10:00-11:00 UTC", "Wed 23:00-23:30 UTC"}, nil, "2026-11-24T11:00:00Z", "2026-11-25T23:00:00Z"},

		{"a window that the clock jumps over", summer, nil, "2026-03-28T12:00:00Z", "2026-04-05T00:15:00Z"},
		{"a window that the clock jumps into", []string{"Sun 02:15-03:30 Europe/Amsterdam"}, nil, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"a window that the clock shows twice, first", summer, nil, "2026-10-25T00:20:00Z", ""},
		{"a window that the clock shows twice, between", summer, nil, "2026-10-25T00:50:00Z", "2026-10-25T01:15:00Z"},
		{"a window that the clock shows twice, again", summer, nil, "2026-10-25T01:20:00Z", ""},
		{"half an hour of summer time", []string{"Sun 02:10-02:20 Australia/Lord_Howe"}, nil, "2026-10-03T00:00:00Z", "2026-10-10T15:10:00Z"},

		{"the first moment of a freeze", nil, []string{"2026-12-20/2027-01-03"}, "2026-12-20T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"before a freeze", nil, []string{"2026-12-20/2027-01-03"}, "2026-12-19T23:59:59Z", ""},
		{"the last moment of a freeze", nil, []string{"2026-12-20/2027-01-03"}, "2027-01-03T23:59:59Z", "2027-01-04T00:00:00Z"},
		{"a freeze has the zone of the windows", office, []string{"2026-12-20/2027-01-03"}, "2027-01-03T23:30:00Z", "2027-01-04T08:00:00Z"},
		{"a freeze over weeks of windows", office, []string{"2026-12-01/2027-12-31"}, "2026-12-10T12:00:00Z", "2028-01-03T08:00:00Z"},
		{"a freeze behind a freeze", nil, []string{"2026-12-20/2026-12-31", "2027-01-01/2027-01-02"}, "2026-12-24T12:00:00Z", "2027-01-03T00:00:00Z"},
		{"a freeze with its own zone", nil, []string{"2026-12-20/2026-12-20 Asia/Tokyo"}, "2026-12-19T15:00:00Z", "2026-12-20T15:00:00Z"},
		{"a day after a freeze that has no midnight", nil, []string{"2026-03-01/2026-03-28 Asia/Beirut"}, "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"},
		{"never", []string{"Sat 10:00-11:00 UTC"}, []string{"2026-01-01/9999-12-31"}, "2026-11-24T11:00:00Z", "never"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := open(t, c.windows, c.freeze).Opening(moment(t, c.now))
			switch {
			case got.Open != (c.opens == ""):
				t.Errorf("open is %v", got.Open)
			case got.Open != (got.Why == ""):
				t.Errorf("why is %q", got.Why)
			case c.opens == "never" || c.opens == "":
				if !got.Opens.IsZero() {
					t.Errorf("opens %v", got.Opens)
				}
			case !got.Opens.Equal(moment(t, c.opens)):
				t.Errorf("opens %v, want %s", got.Opens.UTC(), c.opens)
			}
		})
	}
}

// Around every change of a clock the answer is what a walk over the minutes finds.
func TestOpeningAgreesWithTheMinutes(t *testing.T) {
	changes := []struct{ zone, change string }{
		{"Europe/Amsterdam", "2026-03-29T01:00:00Z"},
		{"Europe/Amsterdam", "2026-10-25T01:00:00Z"},
		{"America/New_York", "2026-11-01T06:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, // by half an hour
		{"Asia/Beirut", "2026-03-28T22:00:00Z"},         // over midnight
		{"Pacific/Apia", "2011-12-30T10:00:00Z"},        // over a whole day
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for i := range 120 {
		c := changes[i%len(changes)]
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		change := moment(t, c.change)
		local := change.In(zone).Add(time.Duration(random.IntN(360)-180) * time.Minute)
		length := 5 + random.IntN(120)
		from := local.Hour()*60 + local.Minute()
		to := (from + length) % dayMinutes
		window := fmt.Sprintf("%s %02d:%02d-%02d:%02d %s", []string{"Sun", "Sat-Sun", "Mon-Sun", "Thu-Sat"}[random.IntN(4)], from/60, from%60, to/60, to%60, c.zone)
		var freezes []string
		if i%3 == 0 {
			day := local.Format(time.DateOnly)
			freezes = []string{day + "/" + day + " " + c.zone}
		}
		s := open(t, []string{window}, freezes)
		for range 10 {
			now := change.Add(time.Duration(random.IntN(36*60)-18*60) * time.Minute)
			got, want := s.Opening(now), walk(s, now)
			if got.Open != s.openAt(now) || !got.Opens.Equal(want) {
				t.Fatalf("%q %q at %v: open %v, opens %v, want %v", window, freezes, now, got.Open, got.Opens, want)
			}
		}
	}
}

// walk looks at every minute for the one that opens the stage.
func walk(s Stage, now time.Time) time.Time {
	if s.openAt(now) {
		return time.Time{}
	}
	for t := now; ; t = t.Add(time.Minute) {
		if s.openAt(t) {
			return t
		}
	}
}

func TestWindowsInJSON(t *testing.T) {
	s := open(t, []string{"Mon-Thu 09:00-16:00 Europe/Amsterdam"}, []string{"2026-12-20/2027-01-03"})
	s.Gate = Share{Count: 80, Percent: true}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Stage
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%s became %s (%v)", text, again, err)
	}
	now := moment(t, "2027-01-03T12:00:00Z")
	if a, b := s.Opening(now), back.Opening(now); a.Why != "in the freeze 2026-12-20/2027-01-03 Europe/Amsterdam" || a.Why != b.Why || !a.Opens.Equal(b.Opens) {
		t.Errorf("%+v became %+v", a, b)
	}
}

func TestGateKeys(t *testing.T) {
	inv, err := Parse("hosts.toml", []byte(`
[fleet]
name = "home"
[stages]
order = ["dev", "prod"]
[stages.dev]
freeze = ["2026-12-20/2027-01-03"]
windows = ["Sat 09:00-10:00 Europe/Amsterdam"]
gate = "80%"
[stages.prod]
approval = true
frozen = "sale"
[hosts.a]
address = "192.0.2.1"
target = "container"
stage = "dev"
[hosts.b]
address = "192.0.2.2"
target = "container"
stage = "prod"
`))
	if err != nil {
		t.Fatal(err)
	}
	dev, prod := inv.Stages[0], inv.Stages[1]
	if dev.Gate != (Share{Count: 80, Percent: true}) || dev.Approval || dev.Frozen != "" || len(dev.Windows) != 1 {
		t.Errorf("dev is %+v", dev)
	}
	if len(dev.Freeze) != 1 || dev.Freeze[0].String() != "2026-12-20/2027-01-03 Europe/Amsterdam" {
		t.Errorf("dev's freezes are %v", dev.Freeze)
	}
	if prod.Gate != (Share{Count: 100, Percent: true}) || !prod.Approval || prod.Frozen != "sale" {
		t.Errorf("prod is %+v", prod)
	}
}
