package nixos

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// leaseSeconds is how long a lock outlives the last script of its run.
const leaseSeconds = "90"

// uploads is where flakes land on a host, by the hex digest of their hash.
const uploads = "/var/lib/nixdeploy/uploads/"

// Machine is one host over one connection, for one run. Calls are one round
// trip each; not safe for concurrent use, as a deploy.Conn is not.
type Machine struct {
	Conn     deploy.Conn
	Run      string // id of the run; letters and digits
	Operator string // user@host of the deployer; no blanks
}

// Inspect is [Inspect] over the machine's connection.
func (m *Machine) Inspect(ctx context.Context, digest string) (deploy.Observation, error) {
	return Inspect(ctx, m.Conn, digest)
}

// Upload takes the lock and sends the flake's tar; the host verifies it against
// the SRI hash before use. A *deploy.Problem of code locked says who has it. What
// the host does for it ends with the deadline of ctx, too.
func (m *Machine) Upload(ctx context.Context, digest, hash string, tar io.Reader) error {
	limit := 10 * time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Until(deadline), time.Second)
	}
	_, err := do(ctx, m.Conn, call{
		script: "upload",
		args:   []string{m.Run, m.Operator, leaseSeconds, digest, hash, strconv.Itoa(int(limit / time.Second))},
		stdin:  tar,
	})
	return err
}

// Build evaluates and builds on the host (dry-build first). out sees each line
// that the tools print. Failures of the tools are in the answer, not in err.
func (m *Machine) Build(ctx context.Context, b deploy.BuildRequest, out func(line string)) (deploy.BuildAnswer, error) {
	what := "build"
	if b.PlanOnly {
		what = "plan"
	} else if b.Exact {
		what = "exact"
	} else if b.Keep {
		what = "keep"
	}
	phase := ""
	var dry dryBuild
	var tail tail
	r, err := do(ctx, m.Conn, call{
		script: "build",
		args: []string{m.Run, m.Operator, leaseSeconds, what, b.Digest, flakeRef(b.Digest, b.Hash), b.Attribute,
			strconv.Itoa(int(b.Timeout / time.Second)), b.User},
		noise: func(line string) {
			if phase == "dry-build" {
				dry.line(line)
			}
			tail.add(line)
			out(line)
		},
		on: func(key, value string) {
			if key == "phase" {
				phase = value
				tail = nil
			}
		},
	})
	if err != nil {
		return deploy.BuildAnswer{}, err
	}
	a := deploy.BuildAnswer{
		DryBuildCode: int(r.number("dry-build")),
		BuildCode:    int(r.number("build")),
		Toplevel:     r.first("wanted"),
		Unswitchable: r.has("unswitchable"),
		Output:       tail,
		Transfer:     dry.transfer,
	}
	slices.Sort(dry.build)
	slices.Sort(dry.fetch)
	a.Build, a.Fetch = dry.build, dry.fetch
	if code, json, ok := strings.Cut(r.first("evaluated"), " "); ok && code == "0" {
		a.Toplevel, err = toplevelOf(json)
	}
	if a.Ground = ground(r, b.User); a.Ground != nil {
		a.Demands = demands(r)
	}
	return a, err
}

// flakeRef names an uploaded flake so that Nix verifies it again.
func flakeRef(digest, hash string) string {
	return "path:" + uploads + digest + "?narHash=" + url.QueryEscape(hash)
}

// Arm records what a return goes back to and starts the guard, which from then
// on returns the host unless it is confirmed in time. It gives the units that were
// failed at that moment, which is what the host keeps, too.
func (m *Machine) Arm(ctx context.Context, a deploy.ArmRequest) (failed []string, err error) {
	guard := Script("guard")
	pairs := []string{
		"script", strconv.Itoa(len(guard)), // bytes: a cut payload is not taken for a guard
		"stage", a.Stage,
		"fleet", a.Fleet,
		"host", a.Host,
		"flake", a.Digest,
		"ref", flakeRef(a.Digest, a.Hash),
		"attribute", a.Attribute,
		"mode", a.Mode,
		"goal", string(a.Goal),
		"wanted", a.Wanted,
		"back", a.WantedLink,
		"activation", strconv.Itoa(int(a.ActivationTimeout / time.Second)),
		"reboot", cmp.Or(a.ReturnReboot, "auto"),
		"window", strconv.Itoa(int(a.ConfirmTimeout / time.Second)),
		"expect", fmt.Sprintf("%s %s %s", a.Expect.ProfileLink, a.Expect.Profile, a.Expect.Running),
	}
	for _, p := range pairs {
		if strings.ContainsAny(p, "\n\x00") {
			return nil, &deploy.Problem{Code: deploy.CodeInternal, What: fmt.Sprintf("%q cannot be recorded on a host", p)}
		}
	}
	r, err := do(ctx, m.Conn, call{
		script: "guard",
		args:   append([]string{"arm", m.Run, m.Operator, leaseSeconds}, pairs...),
		stdin:  strings.NewReader(guard),
	})
	if err != nil {
		return nil, err
	}
	return r.values["failed"], armProblem(r, a)
}

func armProblem(r *reply, a deploy.ArmRequest) error {
	switch {
	case r.has("armed"):
		return nil
	case r.has("foreign"):
		if p := deploy.ForeignLocked(foreignActivity(r.values["foreign"])); p != nil {
			return p
		}
	case r.has("moved"):
		return moved(a.Expect.ProfileLink+" "+a.Expect.Running, r.first("moved"))
	case r.has("missing"), r.has("invalid"):
		return noWay(r.first("missing"), r.first("invalid"), a.Wanted)
	case r.has("unguarded"):
		return &deploy.Problem{Code: deploy.CodeGuard, What: "the guard cannot be armed: " + r.first("unguarded"), Details: r.errs}
	}
	return &deploy.Problem{Code: deploy.CodeProtocol, What: "the host did not say whether it is armed", Details: r.errs}
}

func moved(was, is string) *deploy.Problem {
	return &deploy.Problem{
		Code:    deploy.CodeForeignChange,
		What:    "the host changed since it was inspected",
		Details: []string{"was  " + was, "is   " + is},
		Next:    "find out who changed it, then run the same command again",
	}
}

// noWay words the refusal of a system that could not be switched to, or that a
// return could not go to: one without its program, or one that the store's
// database does not know.
func noWay(missing, invalid, wanted string) *deploy.Problem {
	p := &deploy.Problem{Code: deploy.CodeGuard}
	switch path := missing + invalid; {
	case missing != "" && path == wanted:
		p.What = "no way forth: " + path + " has no bin/switch-to-configuration"
		p.Next = "run the same command again: the host builds it anew"
	case missing != "":
		p.What = "no way back: " + path + ", which a return would go to, has no bin/switch-to-configuration"
		p.Next = "bring the host to a whole system by hand first: nixos-rebuild switch on it"
	default:
		p.What = "no way back or forth: " + path + " is not valid in the store of the host"
		p.Next = "as root on the host: nix-store --verify --check-contents --repair; then run the same command again"
	}
	return p
}

// Start begins the switch, detached from the connection. Starting twice starts
// once: a switch is never sent a second time to one armed run.
func (m *Machine) Start(ctx context.Context) (deploy.Claim, error) {
	r, err := do(ctx, m.Conn, call{script: "guard", args: []string{"start", m.Run}})
	if err != nil {
		return "", err
	}
	if r.first("started") == "no" {
		return "", &deploy.Problem{Code: deploy.CodeSwitch, What: "the unit of the switch does not start", Details: r.errs}
	}
	return deploy.Claim(r.first("claim")), nil
}

// Await waits up to wait for the end of the switch and hands on what it printed
// since byte offset.
func (m *Machine) Await(ctx context.Context, offset int64, wait time.Duration) (deploy.SwitchAnswer, error) {
	r, err := do(ctx, m.Conn, call{
		script: "guard",
		args:   []string{"await", m.Run, strconv.FormatInt(offset, 10), strconv.Itoa(int(wait / time.Second))},
	})
	if err != nil {
		return deploy.SwitchAnswer{}, err
	}
	a := deploy.SwitchAnswer{
		Links:  parseLinks(r.last("links")),
		Output: r.values["out"],
		Offset: max(offset, r.number("offset")),
		Gone:   r.has("gone"),
		Result: deploy.Result(r.first("result")),
		Lost:   r.first("switching") == "lost",
		Claim:  claimOf(r),
	}
	if r.has("switched") {
		a.Done, a.Code = true, int(r.number("switched"))
	}
	return a, nil
}

// Confirm claims the run for confirmation and waits for the guard to carry it
// out. Back claims it for a return. Exactly one of the two can win on a host;
// the settlement says which.
func (m *Machine) Confirm(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	return m.settle(ctx, "confirm", wait)
}

// Back asks for the return: see Confirm.
func (m *Machine) Back(ctx context.Context, wait time.Duration) (deploy.Settlement, error) {
	return m.settle(ctx, "back", wait)
}

func (m *Machine) settle(ctx context.Context, verb string, wait time.Duration) (deploy.Settlement, error) {
	r, err := do(ctx, m.Conn, call{
		script: "guard",
		args:   []string{verb, m.Run, strconv.Itoa(int(wait / time.Second))},
	})
	if err != nil {
		return deploy.Settlement{}, err
	}
	s := deploy.Settlement{
		Claim:      claimOf(r),
		Result:     deploy.Result(r.last("result")),
		Gone:       r.has("gone"),
		Unverified: r.has("unverified"),
		Links:      parseLinks(r.last("links")),
		Down:       r.values["down"],
		Log:        r.values["log"],
	}
	if s.Result == "pending" {
		s.Result = deploy.ResultNone
	}
	return s, nil
}

func claimOf(r *reply) deploy.Claim {
	if c := r.last("claim"); c != "none" && c != "gone" {
		return deploy.Claim(c)
	}
	return deploy.ClaimNone
}

// Contact is a bare sign of life, which the guard sees: see [Probe.Contact].
func (m *Machine) Contact(ctx context.Context) (deploy.Links, deploy.Claim, bool, error) {
	return (&Probe{Conn: m.Conn, Run: m.Run}).Contact(ctx)
}

// Unlock gives the lease back. It never ends an armed run.
func (m *Machine) Unlock(ctx context.Context) error {
	_, err := do(ctx, m.Conn, call{script: "guard", args: []string{"unlock", m.Run}})
	return err
}

// Record makes an unchanged, healthy host remember a flake, and whose host it is;
// one that is not what is to be remembered refuses.
func (m *Machine) Record(ctx context.Context, q deploy.RecordRequest) error {
	r, err := do(ctx, m.Conn, call{
		script: "guard",
		args:   []string{"record", m.Run, m.Operator, leaseSeconds, q.Digest, q.Attribute, q.Toplevel, q.Stage, q.Fleet, q.Host},
	})
	if err != nil {
		return err
	}
	if r.has("moved") {
		return moved(q.Toplevel, r.first("moved"))
	}
	if !r.has("recorded") {
		return &deploy.Problem{Code: deploy.CodeProtocol, What: "the host did not write its record", Details: r.errs}
	}
	return nil
}
