package nixos

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Difference asks what the system q.To would bring to the host. Nothing is
// changed; for q.Units the lease is taken, and a *deploy.Problem of code locked
// says who has it. What is refused for a reason of the host's own is in the
// answer, not in the error.
func (m *Machine) Difference(ctx context.Context, q deploy.DifferenceRequest) (deploy.DifferenceAnswer, error) {
	units := "no"
	if q.Units {
		units = "yes"
	}
	r, err := do(ctx, m.Conn, call{
		script: "difference",
		args:   []string{m.Run, m.Operator, leaseSeconds, q.From, q.To, units, strconv.Itoa(int(q.Timeout / time.Second))},
	})
	if err != nil || r.has("absent") {
		return deploy.DifferenceAnswer{}, err
	}
	items, err := storeItems(r.values["path"])
	if err != nil {
		return deploy.DifferenceAnswer{}, err
	}
	d := &deploy.Difference{From: q.From, To: q.To, Reboot: r.values["reboot"]}
	d.Packages, d.OldSize, d.NewSize = packageChanges(items)
	for _, size := range r.values["boot-lacks"] {
		d.BootNeeds += atoi(size)
	}
	if d.Inhibitors, err = inhibitors(r.values["inhibits-from"], r.values["inhibits-to"]); err != nil {
		return deploy.DifferenceAnswer{}, &deploy.Problem{Code: deploy.CodeProtocol, What: err.Error()}
	}
	a := deploy.DifferenceAnswer{Difference: d}
	if q.Units {
		d.Units, a.Refused = dryActivated(r, q.Timeout)
	}
	return a, nil
}

// storeItems reads the lines "WHERE SIZE NAME", and holds them against their own
// count: a list that was cut would tell of packages that go.
func storeItems(lines []string) ([]storeItem, error) {
	items := make([]storeItem, 0, len(lines))
	all := int64(-1)
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		if f[0] == "all" {
			all = atoi(f[1])
			continue
		}
		items = append(items, storeItem{name: f[2], bytes: atoi(f[1]), from: f[0] != "to", to: f[0] != "from"})
	}
	switch {
	case all < 0:
		return nil, &deploy.Problem{Code: deploy.CodeProtocol, What: fmt.Sprintf("the list of the closures' paths was cut after %d", len(items))}
	case all != int64(len(items)):
		return nil, &deploy.Problem{Code: deploy.CodeProtocol, What: fmt.Sprintf("of the closures' %d paths, %d arrived", all, len(items))}
	}
	return items, nil
}

// dryActivated gives what a switch would do to units, or why that is not known.
func dryActivated(r *reply, timeout time.Duration) (units *deploy.UnitChanges, refused string) {
	if p := deploy.ForeignLocked(foreignActivity(r.values["foreign"])); p != nil {
		return nil, p.What
	}
	if r.has("unswitchable") {
		return nil, "it has no bin/switch-to-configuration"
	}
	switch code := r.first("dry-activate"); code {
	case "0":
		return unitChanges(r.values["would"]), ""
	case "124", "137":
		return nil, fmt.Sprintf("dry-activate did not end within %s", timeout)
	default:
		refused = "dry-activate ended with exit code " + code
	}
	if said := r.last("would"); said != "" {
		refused += ": " + said
	}
	return nil, refused
}
