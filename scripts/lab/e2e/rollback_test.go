package e2e

import (
	"regexp"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

var runName = regexp.MustCompile(`Run ([0-9A-Z]{26}) ended`)

// named is the run that a command was.
func (r result) named(t *testing.T) string {
	t.Helper()
	m := runName.FindStringSubmatch(r.stdout)
	if m == nil {
		t.Fatalf("no run is named:\n%s", r.stdout)
	}
	return m[1]
}

// A release over two stages is undone as one: the last stage first, by the
// journal or, on another machine, by what the hosts kept; and never over what
// somebody did since.
func TestAWholeRunIsRolledBack(t *testing.T) {
	t.Parallel()
	hosts := lab.Fleet(t, 2, lab.Options{})
	dev, prod := hosts[0], hosts[1]
	o := newOperator(t, dev)
	o.inventory("", member{host: dev, stage: "dev"}, member{host: prod, stage: "prod"})
	o.flake(every(release(2), hosts...))
	first := o.must("apply", "--yes", "--first").named(t)
	before := map[*lab.Host]lab.Links{dev: dev.Links(), prod: prod.Links()}
	o.flake(every(release(3), hosts...))
	second := o.must("apply", "--yes").named(t)

	// The first run is not what the hosts are on any more.
	r := o.run("rollback", "--run", first, "--yes")
	r.wantExit(t, 4)
	r.wantText(t, "error[foreign]", second)
	wantNew(t, prod, release(3))

	o.must("rollback", "--run", second, "--yes")
	for _, h := range hosts {
		wantBack(t, h, before[h])
		wantResolved(t, h)
	}
	o.must("rollback", "--run", second, "--yes").wantText(t, "unchanged")
	o.must("history").wantText(t, "rollback of run "+second)

	// Forwards again by the generation, and back by a colleague who has no journal.
	o.must("apply", "--yes")
	third := o.must("history").stdout[:10]
	c := o.colleague(dev)
	c.must("lock", "status").wantText(t, "2 free")
	full := o.must("show", third).stdout[4:30]
	c.must("rollback", "--run", full, "--stage", "prod", "--yes")
	wantBack(t, prod, before[prod])
	wantNew(t, dev, release(3))
	o.must("rollback", "--on", dev.Name, "--to", before[dev].Profile, "--yes")
	wantNew(t, dev, release(2))
}
