package nixos

import (
	"context"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Kept asks what the host holds of a run ("" for none), and for a system by its
// generation's number or its store path ("" for none), changing nothing.
func (m *Machine) Kept(ctx context.Context, run, system string) (deploy.KeptRun, error) {
	r, err := do(ctx, m.Conn, call{script: "kept", args: []string{orDash(run), orDash(system)}})
	if err != nil {
		return deploy.KeptRun{}, err
	}
	return kept(r), nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func kept(r *reply) deploy.KeptRun {
	k := deploy.KeptRun{Links: parseLinks(r.first("links")), Active: r.first("kept") == "active", Lease: lease(r)}
	if f := strings.Fields(r.first("system")); len(f) == 2 {
		k.SystemLink, k.System = strings.TrimPrefix(f[0], "-"), f[1]
	}
	if !r.has("kept") {
		return k
	}
	k.Result = deploy.Result(r.first("result"))
	for _, l := range r.values["meta"] {
		key, value, _ := strings.Cut(l, " ")
		switch key {
		case "run":
			k.Run = value
		case "operator":
			k.Operator = value
		case "since":
			k.Since = atoi(value)
		case "fleet":
			k.Fleet = value
		case "host":
			k.Host = value
		case "stage":
			k.Stage = value
		case "flake":
			k.FlakeHash = value
		case "goal":
			k.Goal = deploy.Goal(value)
		case "wanted":
			k.Wanted = value
		case "link":
			k.Record.ProfileLink = value
		case "profile":
			k.Record.Profile = value
		case "running":
			k.Record.Running = value
		case "booted":
			k.Record.Booted = value
		case "next":
			k.Record.NextBoot = value
		case "reader":
			k.Record.Reader = value
		}
	}
	return k
}
