package simfleet

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// request is one remote script that a host answers. Lines are collected while
// the host's lock is held and written when it is not: a slow client must not
// stop the host's clock.
type request struct {
	ctx     context.Context //nolint:containedctx // of the one call
	host    *Host
	nonce   string // the script's own, not that of the wire
	args    []string
	payload io.Reader
	root    bool

	out, errs io.Writer
	buf       []byte
	complaint []byte
}

// say prints a framed line.
func (q *request) say(key string, values ...string) {
	q.buf = append(q.buf, q.nonce...)
	q.buf = append(q.buf, ' ')
	q.buf = append(q.buf, key...)
	for _, v := range values {
		q.buf = append(q.buf, ' ')
		q.buf = append(q.buf, v...)
	}
	q.buf = append(q.buf, '\n')
}

func (q *request) sayNumber(key string, n int64) {
	q.say(key, strconv.FormatInt(n, 10))
}

func (q *request) sayLines(key string, lines []string) {
	for _, l := range lines {
		q.say(key, l)
	}
}

func (q *request) sayLinks(l deploy.Links) { q.say("links", linksLine(l)) }

// print is what the host's own tools print: no frame.
func (q *request) print(line string) {
	q.buf = append(q.buf, line...)
	q.buf = append(q.buf, '\n')
}

func (q *request) complain(line string) {
	q.complaint = append(q.complaint, line...)
	q.complaint = append(q.complaint, '\n')
}

// flush writes what was collected. A client that is gone does not matter: the
// script runs on.
func (q *request) flush() {
	if len(q.buf) > 0 {
		_, _ = q.out.Write(q.buf)
	}
	if len(q.complaint) > 0 {
		_, _ = q.errs.Write(q.complaint)
	}
	q.buf, q.complaint = q.buf[:0], q.complaint[:0]
}

// arg is the n-th argument after the nonce, "" when it was not given.
func (q *request) arg(n int) string {
	if n < len(q.args) {
		return q.args[n]
	}
	return ""
}

// killed is the exit code of a script whose host went down under it, or whose
// connection is gone: whatever it still does by itself, nobody hears of it.
const killed = -1

// Exec answers one program in the wire form, so that a Host is a Handler.
func (h *Host) Exec(ctx context.Context, r Request) int {
	p, payload, err := ParseProgram(r.Stdin)
	if err != nil {
		_, _ = io.WriteString(r.Stderr, "simulated host: "+err.Error()+"\n")
		return 127
	}
	user := h.user(r.User)
	root := user.Name == "root"
	for _, tool := range []string{"sudo", "doas"} {
		if !strings.Contains(r.Command, "exec "+tool+" -n") {
			continue
		}
		if root = user.Root; !root {
			_, _ = io.WriteString(r.Stderr, tool+": a password is required\n")
			return 1
		}
	}
	q := &request{ctx: ctx, host: h, payload: payload, root: root, out: r.Stdout, errs: r.Stderr}
	q.print("nd-begin " + p.Nonce)
	return q.run(p.Script, p.Args)
}

func (h *Host) user(name string) User {
	for _, u := range h.traits.Users {
		if u.Name == name {
			return u
		}
	}
	if h.traits.Users == nil {
		return User{Name: name, Root: name == "root" || name == "deploy"}
	}
	return User{}
}

// MayLogIn reports whether there is such a user.
func (h *Host) MayLogIn(name string) bool {
	u := h.user(name)
	return u.Root || h.traits.Users != nil && u.Name != ""
}

// run answers a script by its name, as deploy/nixos/scripts/NAME.sh does.
func (q *request) run(script string, args []string) int {
	answer, known := map[string]func() int{
		"inspect": q.inspect, "upload": q.upload, "build": q.build, "guard": q.guard, "probe": q.probe,
		"lock": q.lock, "kept": q.kept, "difference": q.difference, "approve": q.approve, "facts": q.factsVerb,
		"option": q.option,
	}[script]
	if !known || len(args) == 0 {
		q.complain("simulated host: no script " + strconv.Quote(script) + " is known here")
		q.flush()
		return 127
	}
	q.nonce, q.args = args[0], args[1:]
	if !q.root && script != "inspect" && script != "lock" && script != "option" {
		q.complain("mkdir: cannot create directory '/var/lib/nixdeploy': Permission denied")
		q.flush()
		return 1
	}
	h := q.host
	h.mu.Lock()
	if h.advance(); h.off {
		h.mu.Unlock()
		return killed
	}
	exit := answer()
	h.advance() // what takes no time has happened before anybody looks again
	h.wake()
	h.mu.Unlock()
	if exit != killed {
		q.flush()
	}
	return exit
}

// unlocked hands out what was printed so far and does something that takes time,
// while the host goes on. It reports false when the script is gone after it.
func (q *request) unlocked(do func()) bool {
	h := q.host
	outages := h.outages
	h.wake()
	h.mu.Unlock()
	q.flush()
	do()
	h.mu.Lock()
	h.advance()
	return q.ctx.Err() == nil && h.outages == outages
}

// wait is the host's wait, with what was printed handed out first.
func (q *request) wait(until time.Time, cond func() bool) bool {
	if !cond() && !q.unlocked(func() {}) {
		return false
	}
	return q.host.wait(q.ctx, until, cond)
}

// takeLease takes or renews the lease; or it says who has the host, and reports
// false: the script ends there.
func (q *request) takeLease(run, operator, secs string) bool {
	h := q.host
	if l := h.liveLease(); l != nil && l.run != run {
		q.say("locked", l.run, l.operator, strconv.FormatInt(l.since, 10), strconv.FormatInt(l.expires-h.uptime(), 10), "lease")
		q.say("end", "locked")
		return false
	}
	if r := h.active; r != nil && r.id != run {
		q.say("locked", r.id, r.operator, strconv.FormatInt(r.since, 10), strconv.FormatInt(h.left(r), 10), "guard")
		q.say("end", "locked")
		return false
	}
	h.writeLease(run, operator, number(secs))
	return true
}
