package host

import (
	"cmp"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// login is whose login the connection is.
func (w *worker) login() string { return cmp.Or(w.s.user(), w.h.User) }

func (w *worker) fitting() Fitting {
	if w.p.Built == nil {
		return Fitting{}
	}
	return Fit(w.h, w.p.Observed, w.p.Built.Ground, w.p.Built.Demands)
}

// fits refuses a built system that does not fit its host, before anything is
// armed. What is accepted, and what could not be compared, is told with the step,
// and so is in the journal.
func (w *worker) fits() error {
	if w.p.Unchanged() {
		return nil // it runs it already: nothing is armed
	}
	f := w.fitting()
	if len(f.Misfits) > 0 && !w.d.Terms.Accept {
		return misfit(w.h.Name, f, w.d.Planned)
	}
	var told []string
	for _, m := range f.Misfits {
		told = append(told, "accepted: "+m)
	}
	for _, doubt := range f.Doubts {
		told = append(told, "not compared: "+doubt)
	}
	w.remark = strings.Join(told, "; ")
	return nil
}

func misfit(host string, f Fitting, planned bool) *deploy.Problem {
	p := &deploy.Problem{
		Code: deploy.CodeMisfit, What: "the new system does not fit this host, which may then not boot, or let nobody in",
		Next: "nixdeploy adopt " + host + ", then mend the configuration by what it writes; where it is meant so, add --accept",
	}
	if planned {
		p.Next = "nixdeploy adopt " + host + ", then mend the configuration by what it writes, and plan anew; where it is meant so, plan anew with --accept"
	}
	p.Details = append(p.Details, f.Misfits...)
	for _, doubt := range f.Doubts {
		p.Details = append(p.Details, "unsure  "+doubt)
	}
	return p
}

// fittingNotes is what a plan says of it.
func (w *worker) fittingNotes() []string {
	f := w.fitting()
	var notes []string
	for _, m := range f.Misfits {
		if w.d.Terms.Accept {
			notes = append(notes, "does not fit this host, accepted by --accept: "+m)
		} else {
			notes = append(notes, "does not fit this host, so apply refuses it (--accept takes it): "+m)
		}
	}
	for _, doubt := range f.Doubts {
		notes = append(notes, "not compared with this host: "+doubt)
	}
	return notes
}
