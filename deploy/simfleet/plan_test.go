package simfleet_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// switchboard dials simulated hosts by name, and counts the scripts that they
// are sent.
type switchboard struct {
	hosts map[string]*simfleet.Host
	mu    sync.Mutex
	sent  map[string]int
}

func (s *switchboard) Dial(ctx context.Context, h inventory.Host) (deploy.Conn, error) {
	conn, err := s.hosts[h.Name].Dial(ctx)
	return &countedLine{conn, s}, err
}

type countedLine struct {
	deploy.Conn
	board *switchboard
}

func (l *countedLine) Run(ctx context.Context, c deploy.Command, out, errs func(string)) (int, error) {
	l.board.mu.Lock()
	l.board.sent[c.Name]++
	l.board.mu.Unlock()
	return l.Conn.Run(ctx, c, out, errs)
}

// A fleet that shares three configurations is asked three times what they bring,
// however many hosts it has, and each host's plan has the answer.
func TestAFleetOfThreeConfigurationsIsAskedForThreeDifferences(t *testing.T) {
	const size = 300
	synctest.Test(t, func(t *testing.T) {
		f := flakeOf("new")
		board := &switchboard{hosts: map[string]*simfleet.Host{}, sent: map[string]int{}}
		var fleet []inventory.Host
		for i := range size {
			name, kind := fmt.Sprintf("web-%d", i), fmt.Sprintf("kind-%d", i%3)
			o := wordHost(simfleet.System{BuildTime: time.Minute, EvalTime: time.Second, Packages: map[string]int64{"app-2.0": 9000}})
			o.Hostname = name
			o.System = simfleet.System{Toplevel: simfleet.ToplevelPath("first", kind), Packages: map[string]int64{"app-1.0": int64(9000 * (i%3 + 1))}}
			board.hosts[name] = simfleet.NewHost(o)
			defer board.hosts[name].Close()
			fleet = append(fleet, inventory.Host{Name: name, Attribute: kind, Activation: inventory.ActivationSwitch, BuildTimeout: time.Hour})
		}
		driver := &host.Driver{
			Dialer: board, Journal: forgetful{}, Run: "RUN1",
			Attach: func(conn deploy.Conn, run string) host.Machine {
				return &nixos.Machine{Conn: conn, Run: run, Operator: "ann@desk"}
			},
			Flake: host.Flake{Digest: f.Digest(), Hash: f.Hash, Pack: f.Pack},
			Terms: host.Terms{Fleet: "test", First: true, Ours: func(string) bool { return false }},
		}
		defer driver.Close()
		plans := make([]deploy.HostPlan, size)
		var all sync.WaitGroup
		for i, h := range fleet {
			all.Go(func() { plans[i] = driver.Evaluate(t.Context(), h, "prod", deploy.PlanFull) })
		}
		all.Wait()
		if want := map[string]int{"inspect": size, "upload": size, "build": size, "difference": 3, "guard": size}; !maps.Equal(board.sent, want) {
			t.Errorf("sent %v, want %v", board.sent, want)
		}
		for i, p := range plans {
			d := p.Difference
			if p.Problem != nil || d == nil || len(d.Packages) != 1 || d.Packages[0].Bytes != int64(9000-9000*(i%3+1)) || d.To != p.Wanted || d.From != board.hosts[p.Host].Links().Running {
				t.Fatalf("%s: %+v %+v", p.Host, p, d)
			}
			if l := board.hosts[p.Host].Facts().Lease; l != "" {
				t.Errorf("%s is left locked by %s", p.Host, l)
			}
		}
	})
}
