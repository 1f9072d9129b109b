package inventory

import (
	"slices"
	"time"
)

// Opening says whether a stage may change hosts at a moment, as its windows and
// freezes go.
type Opening struct {
	Open bool
	// Why names what keeps it shut: the freeze, or the windows. "" when it is open.
	Why string
	// Opens is when that ends; zero when it is open, or when that never comes.
	Opens time.Time
}

// lastYear is the last one that RFC 3339, and so JSON, can write.
const lastYear = 9999

// Opening judges a moment. It is pure: a stage without windows is always in one.
func (s Stage) Opening(now time.Time) Opening {
	if s.openAt(now) {
		return Opening{Open: true}
	}
	o := Opening{Why: "outside of its windows"}
	for _, f := range s.Freeze {
		if f.Covers(now) {
			o.Why = "in the freeze " + f.String()
			break
		}
	}
	for _, t := range s.turns(now) {
		if t.UTC().Year() > lastYear {
			break
		}
		if t.After(now) && s.openAt(t) {
			o.Opens = t
			break
		}
	}
	return o
}

func (s Stage) openAt(t time.Time) bool {
	if slices.ContainsFunc(s.Freeze, func(f Freeze) bool { return f.Covers(t) }) {
		return false
	}
	return len(s.Windows) == 0 || slices.ContainsFunc(s.Windows, func(w Window) bool { return w.Covers(t) })
}

// turns are the moments from which a stage that is shut may be open, ascending:
// the beginnings of windows, the ends of freezes, and the changes of a zone's
// clock, which may jump over either or show them twice.
func (s Stage) turns(now time.Time) []time.Time {
	from := []time.Time{now}
	for _, f := range s.Freeze {
		y, m, d := f.last.Date()
		if end := time.Date(y, m, d+1, 0, 0, 0, 0, f.zone); end.After(now) {
			from = append(from, end)
		}
	}
	var turns []time.Time
	for _, t := range from {
		for _, f := range s.Freeze {
			turns = append(turns, around(t.In(f.zone))...)
		}
		for _, w := range s.Windows {
			y, m, d := t.In(w.zone).Date()
			for i := range windowTurns {
				turns = append(turns, around(time.Date(y, m, d+i, w.from/60, w.from%60, 0, 0, w.zone))...)
			}
		}
	}
	slices.SortFunc(turns, time.Time.Compare)
	return turns
}

// windowTurns is how many days on are looked at: a weekly window that a change of
// the clock jumps over is there a week later.
const windowTurns = 16

// around is t, the changes of its zone's clock within a day, and what the clock
// shows as t then.
func around(t time.Time) []time.Time {
	turns := []time.Time{t}
	for at := t.Add(-24 * time.Hour); ; {
		_, change := at.ZoneBounds()
		if change.IsZero() || change.Sub(t) > 24*time.Hour {
			return turns
		}
		_, before := at.Zone()
		_, after := change.Zone()
		shift := time.Duration(before-after) * time.Second
		turns = append(turns, change, t.Add(shift), t.Add(-shift))
		at = change
	}
}
