package host

import (
	"context"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Facts asks h what it is, for its folder beside hosts.toml: one connection, one
// round trip, and nothing is changed. A host that nixdeploy never confirmed is
// told by its missing marker; one whose marker names another host or fleet is
// refused. The error is a *deploy.Problem.
func (d *Driver) Facts(ctx context.Context, h inventory.Host) (deploy.HostFacts, error) {
	defer d.Release(h.Name)
	ctx, cancel := context.WithTimeout(ctx, 2*briefly)
	defer cancel()
	var f deploy.HostFacts
	w := d.worker(h, "", 0)
	err := w.ask(ctx, func(ctx context.Context, m Machine) (err error) {
		f, err = m.Facts(ctx, w.login())
		return err
	})
	if err != nil {
		return f, asProblem(err, h.Name, deploy.StepInspect)
	}
	if p := admitFacts(f, h, d.Terms); p != nil {
		p.Host, p.Step = h.Name, deploy.StepInspect
		return f, p
	}
	return f, nil
}

func admitFacts(f deploy.HostFacts, h inventory.Host, t Terms) *deploy.Problem {
	if !f.NixOS {
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: "this is not NixOS", Next: "install NixOS on it first"}
	}
	t.First = true // adopting is what a new host is for
	return identity(deploy.Observation{Marker: f.Marker, Hostname: f.Facts.Hostname}, h, t)
}
