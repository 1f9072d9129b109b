package view

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Past is one run as its journal tells it.
type Past struct {
	Run        string
	Report     deploy.Report
	Meaning    string    // of Report.Exit, one line
	Newest     time.Time // of the newest event, zero for none
	Held       bool      // a live process works on it
	Unreadable string    // why its journal cannot be read; then only Run and Report.Began hold
	Damaged    bool      // that is because it is damaged, and can be rebuilt
	Later      string    // a newer run of the same fleet, "" for none
}

// Outcome says in a word how a run stands.
func (p Past) Outcome() string {
	switch {
	case p.Damaged:
		return "damaged"
	case p.Unreadable != "":
		return "unreadable"
	case p.Held:
		return "running"
	case !p.Report.Finished:
		return "unfinished"
	}
	return "ended"
}

// took is how long the run took, or was at work as far as is known.
func (p Past) took() time.Duration {
	end := p.Report.Ended
	if end.IsZero() {
		end = p.Newest
	}
	if end.Before(p.Report.Began) {
		return 0
	}
	return end.Sub(p.Report.Began)
}

// stamp is a moment for people: local, with the zone.
func stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("2006-01-02 15:04:05 MST")
}

// shortNames are the shortest beginnings that tell runs apart, of ten characters
// at least: those are the run's millisecond.
func shortNames(past []Past) map[string]string {
	n := 10
	for ; n < 26; n++ {
		seen := map[string]bool{}
		for _, p := range past {
			seen[p.Run[:min(n, len(p.Run))]] = true
		}
		if len(seen) == len(past) {
			break
		}
	}
	short := map[string]string{}
	for _, p := range past {
		short[p.Run] = p.Run[:min(n, len(p.Run))]
	}
	return short
}

// History lists runs, two lines each: when and how it ended, then what it was
// and what came of its hosts.
func (s Style) History(past []Past, zone *time.Location, next string) string {
	short := shortNames(past)
	var b strings.Builder
	for _, p := range past {
		b.WriteString(s.paint(bold, s.Clean(short[p.Run])) + "  " + stamp(p.Report.Began, zone) + "  " + s.ended(p) + "\n")
		b.WriteString(s.hang("    ", s.whatWas(p)))
	}
	return b.String() + s.Next(next)
}

func (s Style) ended(p Past) string {
	switch p.Outcome() {
	case "running":
		return s.paint(cyan, "running") + " for " + took(p.took())
	case "ended":
		c := green
		if p.Report.Exit != 0 {
			c = yellow
		}
		if slices.ContainsFunc(p.Report.Hosts, func(h deploy.HostReport) bool { return h.State == deploy.StateStranded }) {
			c = red
		}
		return s.paint(c, fmt.Sprintf("exit %d", p.Report.Exit)) + " after " + took(p.took())
	}
	return s.paint(red, p.Outcome())
}

func (s Style) whatWas(p Past) string {
	if p.Unreadable != "" {
		return s.Clean(p.Unreadable)
	}
	r := p.Report
	parts := []string{s.commandOf(r.Start)}
	if r.Start.Flake != "" {
		parts = append(parts, "flake "+FlakeID(r.Start.Flake))
	}
	parts = append(parts, "by "+s.Clean(r.Start.Operator), count(len(r.Start.Hosts), "host"))
	text := strings.Join(parts, ", ")
	if states := statesOf(r); states != "" {
		text += ": " + states
	}
	if p.Outcome() == "ended" && r.Exit != 0 {
		text += "; " + s.Clean(p.Meaning)
	}
	return text
}

func (s Style) commandOf(start deploy.RunStart) string {
	if start.Command == "" {
		return "nothing was begun"
	}
	text := s.Clean(start.Command)
	if start.Undoes != "" {
		text += " of run " + s.Clean(start.Undoes)
	}
	switch len(start.Stages) {
	case 0:
		return text
	case 1:
		return text + " in stage " + s.Clean(start.Stages[0])
	}
	return text + " in stages " + s.names(start.Stages, 6)
}

// statesOf counts hosts by state, what needs a person first.
func statesOf(r deploy.Report) string {
	n := map[deploy.State]int{}
	for _, h := range r.Hosts {
		n[h.State]++
	}
	var parts []string
	for _, st := range append(order(), deploy.StateWaiting) {
		if n[st] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[st], st))
		}
	}
	return strings.Join(parts, ", ")
}

// pastJSON is a run of history --json and show --json: times in UTC, durations in
// seconds.
type pastJSON struct {
	Run        string               `json:"run"`
	Outcome    string               `json:"outcome"` // running, ended, unfinished, damaged, unreadable
	Command    string               `json:"command,omitempty"`
	Undoes     string               `json:"undoes,omitempty"` // the run that a rollback undid
	Operator   string               `json:"operator,omitempty"`
	Fleet      string               `json:"fleet,omitempty"`
	Flake      string               `json:"flake,omitempty"`
	Inventory  string               `json:"inventory,omitempty"`
	Override   string               `json:"override,omitempty"`
	Accept     bool                 `json:"accept,omitempty"`
	SavedPlan  *deploy.SavedPlan    `json:"saved_plan,omitempty"` // the file that was applied
	Began      time.Time            `json:"began"`
	Ended      *time.Time           `json:"ended,omitempty"`
	Seconds    float64              `json:"seconds"`
	Exit       *int                 `json:"exit,omitempty"`
	Meaning    string               `json:"meaning,omitempty"`
	Stages     []string             `json:"stages,omitempty"`
	Hosts      []string             `json:"hosts,omitempty"` // the selection
	States     map[deploy.State]int `json:"states,omitempty"`
	Unresolved []string             `json:"unresolved,omitempty"` // hosts that resume has to settle
	Error      string               `json:"error,omitempty"`      // why the journal cannot be read
}

func (p Past) json() pastJSON {
	r, start := p.Report, p.Report.Start
	j := pastJSON{
		Run: p.Run, Outcome: p.Outcome(), Command: start.Command, Undoes: start.Undoes, Operator: start.Operator, Fleet: start.Fleet,
		Flake: start.Flake, Inventory: start.Inventory, Override: start.Override, Accept: start.Accept, SavedPlan: start.SavedPlan, Began: r.Began.UTC(), Seconds: p.took().Seconds(),
		Stages: start.Stages, Hosts: start.Hosts, Error: p.Unreadable,
	}
	if r.Finished {
		ended, exit := r.Ended.UTC(), r.Exit
		j.Ended, j.Exit, j.Meaning = &ended, &exit, p.Meaning
	}
	for _, h := range r.Hosts {
		if j.States == nil {
			j.States = map[deploy.State]int{}
		}
		j.States[h.State]++
		if h.Unresolved || h.State == deploy.StateInFlight {
			j.Unresolved = append(j.Unresolved, h.Host)
		}
	}
	return j
}

// JSONHistory is the one document of history --json.
func JSONHistory(version string, past []Past) []byte {
	runs := make([]pastJSON, len(past))
	for i, p := range past {
		runs[i] = p.json()
	}
	return JSONDocument(map[string]any{"type": "history", "nixdeploy": version, "format": EventsVersion, "runs": runs})
}

// JSONPast is the one document of show --json: what history says of the run, and
// its report.
func JSONPast(version string, p Past, next string) []byte {
	return JSONDocument(map[string]any{
		"type": "run", "nixdeploy": version, "format": EventsVersion, "run": p.json(), "report": p.Report, "later": p.Later, "next": next,
	})
}

// JSONRecorded is one event of a journal as it is kept there.
func JSONRecorded(e deploy.Event) ([]byte, error) {
	out, err := json.Marshal(e)
	return append(disarmJSON(out), '\n'), err
}
