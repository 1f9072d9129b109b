package nixos

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Inspect reads everything that a decision needs of a host, in one round trip,
// changing nothing. digest is the hex digest of the flake that is asked for, or
// "" for none.
func Inspect(ctx context.Context, conn deploy.Conn, digest string) (deploy.Observation, error) {
	if digest == "" {
		digest = "-"
	}
	r, err := do(ctx, conn, call{script: "inspect", args: []string{digest}})
	if err != nil {
		return deploy.Observation{}, err
	}
	o := observation(r)
	o.Approvals = approvals(digest, r.values["approval"])
	return o, nil
}

func observation(r *reply) deploy.Observation {
	o := deploy.Observation{
		Links:       parseLinks(r.first("links")),
		NixOS:       r.has("nixos"),
		System:      nixSystem(r.first("machine")),
		Hostname:    r.first("hostname"),
		MachineID:   r.first("machine_id"),
		BootID:      r.first("boot"),
		Uptime:      r.number("uptime"),
		Container:   r.has("container"),
		WSL:         r.has("wsl"),
		NixVersion:  versionOf(r.first("nix")),
		Rebuild:     r.first("rebuild"),
		RebuildKind: rebuildKind(r.first("rebuild")),
		FailedUnits: r.values["failed"],
		FreeBytes:   map[string]int64{},
		Foreign:     foreignActivity(r.values["foreign"]),
		GuardReboot: r.first("guard"),

		RebootPending: r.has("reboot"),
		FlakePresent:  r.has("present"),
		WantedValid:   r.has("valid"),
	}
	for n := range strings.FieldsSeq(r.first("generations")) {
		if i, err := strconv.Atoi(n); err == nil {
			o.Generations = append(o.Generations, i)
		}
	}
	for _, f := range r.values["free"] {
		kib, mount, _ := strings.Cut(f, " ")
		if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
			o.FreeBytes[mount] = n * 1024
		}
	}
	if f := strings.Fields(r.first("marker")); len(f) == 2 {
		o.Marker = &deploy.Marker{Fleet: f[0], Host: f[1]}
	}
	o.Lease = lease(r)
	o.Active = activeRun(r.values["active"])
	if o.Active != nil {
		o.Active.Failed = r.values["baseline"]
	}
	o.Recorded = record(r.values["record"])
	if r.has("confirmed_ago") {
		ago := r.number("confirmed_ago")
		o.ConfirmedAgo = &ago
	}
	if f := strings.Fields(r.first("failed_run")); len(f) == 2 {
		o.Failed = &deploy.FailedRun{Run: f[0], Result: deploy.Result(f[1])}
	}
	o.Last = record(r.values["last"])
	o.Previous = previous(r.values["previous"])
	return o
}

func lease(r *reply) *deploy.Lease {
	f := strings.Fields(r.first("lease"))
	if len(f) != 4 {
		return nil
	}
	return &deploy.Lease{Run: f[0], Operator: f[1], Since: atoi(f[2]), Seconds: atoi(f[3])}
}

func activeRun(lines []string) *deploy.ActiveRun {
	if len(lines) == 0 {
		return nil
	}
	a := &deploy.ActiveRun{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		switch key {
		case "run":
			a.Run = value
		case "operator":
			a.Operator = value
		case "since":
			a.Since = atoi(value)
		case "flake":
			a.FlakeHash = value
		case "attribute":
			a.Attribute = value
		case "mode":
			a.Mode = value
		case "goal":
			a.Goal = deploy.Goal(value)
		case "wanted":
			a.Wanted = value
		case "claim":
			a.Claim = deploy.Claim(value)
		case "result":
			a.Result = deploy.Result(value)
		case "decides":
			a.DecidesIn = max(atoi(value), 0) // it is about to, or carries out what was decided
		case "record":
			a.Record = parseLinks(value)
		case "code":
			a.SwitchDone, a.SwitchCode = true, int(atoi(value))
		case "switching":
			a.SwitchActive = true
		case "rebooted":
			a.Rebooted = true
		}
	}
	return a
}

func record(lines []string) *deploy.Record {
	if len(lines) == 0 {
		return nil
	}
	rec := &deploy.Record{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		switch key {
		case "flake":
			rec.FlakeHash = value
		case "attribute":
			rec.Attribute = value
		case "toplevel":
			rec.Toplevel = value
		case "run":
			rec.Run = value
		case "operator":
			rec.Operator = value
		case "stage":
			rec.Stage = value
		case "time":
			rec.Time = time.Unix(atoi(value), 0).UTC()
		case "link":
			rec.ProfileLink = value
		case "failed":
			rec.Failed = append(rec.Failed, value)
		}
	}
	return rec
}

func previous(lines []string) *deploy.Previous {
	if len(lines) == 0 {
		return nil
	}
	p := &deploy.Previous{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		switch key {
		case "run":
			p.Run = value
		case "link":
			p.ProfileLink = value
		case "profile":
			p.Profile = value
		case "wanted":
			p.Wanted = value
		}
	}
	return p
}

// foreignActivity reads lines KIND PID SINCE DUE WHO WHAT.
func foreignActivity(lines []string) []deploy.ForeignActivity {
	var all []deploy.ForeignActivity
	for _, l := range lines {
		f := strings.SplitN(l, " ", 6)
		if len(f) < 6 {
			continue
		}
		a := deploy.ForeignActivity{
			Kind: deploy.ForeignKind(f[0]), PID: int(atoi(f[1])), Since: atoi(f[2]), Due: atoi(f[3]), What: f[5],
		}
		if f[4] != "-" {
			a.Who = f[4]
		}
		all = append(all, a)
	}
	return all
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func nixSystem(machine string) string {
	if machine == "" {
		return ""
	}
	if machine == "arm64" {
		machine = "aarch64"
	}
	return machine + "-linux"
}

// rebuildKind tells the two generations of nixos-rebuild apart by the name of
// their store path, without running either: both would open a manual page
// (contract section 0).
func rebuildKind(path string) string {
	switch {
	case path == "":
		return ""
	case strings.Contains(path, "nixos-rebuild-ng"):
		return "python"
	}
	return "bash"
}

// versionOf reads the version of Nix from its store path ("…-nix-2.28.3/bin/nix"),
// "" when the path does not say.
func versionOf(path string) string {
	parts := strings.Split(path, "/")
	i := slices.IndexFunc(parts, func(p string) bool { return strings.Contains(p, "-nix-") })
	if i < 0 {
		return ""
	}
	_, version, _ := strings.Cut(parts[i], "-nix-")
	return version
}
