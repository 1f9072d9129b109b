package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window is a time of the week in which a stage may change hosts. It goes by the
// clock on the wall of its zone: in the hour that a clock is put back over it is
// open twice, and in the hour that is skipped it is not.
//
// As text, and in JSON, it is what hosts.toml has: "Mon-Thu 09:00-16:00 Europe/Amsterdam".
type Window struct {
	text     string
	days     [7]bool // by time.Weekday: the days that it begins on
	from, to int     // minutes of the day; to is more than a day when it ends on the next
	zone     *time.Location
}

// Freeze is whole days on which a stage changes no host, the last one included.
//
// As text, and in JSON, it has its zone: "2026-12-20/2027-01-03 Europe/Amsterdam".
type Freeze struct {
	first, last time.Time // midnights in UTC: days, not moments
	zone        *time.Location
}

const dayMinutes = 24 * 60

var (
	windowPattern = regexp.MustCompile(`^(\S+) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)$`)
	freezePattern = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)/(\d{4}-\d\d-\d\d)(?: (\S+))?$`)
	weekdays      = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// ParseWindow reads a window. The error says what is wrong with the text.
func ParseWindow(text string) (Window, error) {
	m := windowPattern.FindStringSubmatch(text)
	if m == nil {
		return Window{}, fmt.Errorf("%q is not DAYS HH:MM-HH:MM ZONE", text)
	}
	w := Window{text: text}
	var err error
	if w.days, err = parseDays(m[1]); err != nil {
		return Window{}, err
	}
	if w.from, err = minutes(m[2], m[3]); err != nil {
		return Window{}, err
	}
	if w.to, err = minutes(m[4], m[5]); err != nil {
		return Window{}, err
	}
	switch {
	case w.from == dayMinutes:
		return Window{}, fmt.Errorf("%q begins at 24:00, which is 00:00 of the next day", text)
	case w.from == w.to:
		return Window{}, fmt.Errorf("%q ends when it begins: a whole day is 00:00-24:00", text)
	case w.to < w.from:
		w.to += dayMinutes
	}
	w.zone, err = parseZone(m[6])
	return w, err
}

// parseDays reads Mon, Mon-Thu, and several of them with commas.
func parseDays(text string) (days [7]bool, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		from := slices.Index(weekdays, strings.ToLower(first))
		to := from
		if ranged {
			to = slices.Index(weekdays, strings.ToLower(last))
		}
		if from < 0 || to < 0 {
			return days, fmt.Errorf("%q are no days: Mon, Mon-Thu, or several with commas", part)
		}
		for d := from; ; d = (d + 1) % 7 {
			days[d] = true
			if d == to {
				break
			}
		}
	}
	return days, nil
}

func minutes(hour, minute string) (int, error) {
	h, _ := strconv.Atoi(hour) // two digits, by the pattern
	m, _ := strconv.Atoi(minute)
	if m > 59 || h*60+m > dayMinutes {
		return 0, fmt.Errorf("%s:%s is no time of a day", hour, minute)
	}
	return h*60 + m, nil
}

// parseZone knows the zones of the time zone database. "Local" would be another
// time on another machine.
func parseZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf("%q is another zone on another machine", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone, such as Europe/Amsterdam or UTC", name)
	}
	return zone, nil
}

// ParseFreeze reads a freeze; zone is that of one that names none.
func ParseFreeze(text string, zone *time.Location) (Freeze, error) {
	m := freezePattern.FindStringSubmatch(text)
	if m == nil {
		return Freeze{}, fmt.Errorf("%q is not YYYY-MM-DD/YYYY-MM-DD, with a zone if you like", text)
	}
	f := Freeze{zone: zone}
	for i, day := range []*time.Time{&f.first, &f.last} {
		var err error
		if *day, err = time.Parse(time.DateOnly, m[i+1]); err != nil {
			return Freeze{}, fmt.Errorf("%s is no day", m[i+1])
		}
	}
	if f.last.Before(f.first) {
		return Freeze{}, fmt.Errorf("%q ends before it begins", text)
	}
	if m[3] != "" {
		var err error
		if f.zone, err = parseZone(m[3]); err != nil {
			return Freeze{}, err
		}
	}
	return f, nil
}

func (w Window) String() string { return w.text }

func (f Freeze) String() string {
	return f.first.Format(time.DateOnly) + "/" + f.last.Format(time.DateOnly) + " " + f.zone.String()
}

// MarshalText writes what hosts.toml has.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Window) UnmarshalText(data []byte) (err error) {
	*w, err = ParseWindow(string(data))
	return err
}

// MarshalText writes what hosts.toml has, with the zone.
func (f Freeze) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (f *Freeze) UnmarshalText(data []byte) (err error) {
	*f, err = ParseFreeze(string(data), time.UTC)
	return err
}

// Covers says that t is in the window.
func (w Window) Covers(t time.Time) bool {
	t = t.In(w.zone)
	at := t.Hour()*60 + t.Minute()
	yesterday := (t.Weekday() + 6) % 7
	return w.days[t.Weekday()] && w.from <= at && at < w.to || w.days[yesterday] && at+dayMinutes < w.to
}

// Covers says that t is on one of the freeze's days.
func (f Freeze) Covers(t time.Time) bool {
	y, m, d := t.In(f.zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return !day.Before(f.first) && !day.After(f.last)
}
