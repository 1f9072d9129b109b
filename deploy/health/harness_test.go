package health

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeHost answers by its functions, try by try from 0. It notices when two
// questions are put at once.
type fakeHost struct {
	failed  func(try int) ([]string, error)
	states  func(try int) (map[string]string, error)
	command func(try int) (exit int, output string, err error)
	fetch   func(url string) (int, error)
	connect func(address string) error
	takes   time.Duration // each answer

	busy     atomic.Bool
	overlaps atomic.Int32
	tries    [3]int
	timeouts []time.Duration
}

// occupy is one exchange with the host.
func (f *fakeHost) occupy(ctx context.Context, takes time.Duration) error {
	if f.busy.Swap(true) {
		f.overlaps.Add(1)
	}
	defer f.busy.Store(false)
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeHost) FailedUnits(ctx context.Context) ([]string, error) {
	if err := f.occupy(ctx, f.takes); err != nil {
		return nil, err
	}
	f.tries[0]++
	return f.failed(f.tries[0] - 1)
}

func (f *fakeHost) UnitStates(ctx context.Context, _ []string) (map[string]string, error) {
	if err := f.occupy(ctx, f.takes); err != nil {
		return nil, err
	}
	f.tries[1]++
	return f.states(f.tries[1] - 1)
}

func (f *fakeHost) RunCheck(ctx context.Context, _ []string, timeout time.Duration) (int, string, error) {
	f.timeouts = append(f.timeouts, timeout)
	if err := f.occupy(ctx, f.takes); err != nil {
		return 0, "", err
	}
	f.tries[2]++
	return f.command(f.tries[2] - 1)
}

func (f *fakeHost) Fetch(ctx context.Context, url string, _ time.Duration) (int, error) {
	if err := f.occupy(ctx, f.takes); err != nil {
		return 0, err
	}
	return f.fetch(url)
}

func (f *fakeHost) Connect(ctx context.Context, address string, _ time.Duration) error {
	if err := f.occupy(ctx, f.takes); err != nil {
		return err
	}
	return f.connect(address)
}

// of gives a check with the usual clocks.
func of(kind inventory.CheckType) inventory.Check {
	return inventory.Check{
		Name: string(kind), Type: kind, Command: []string{"true"}, Units: []string{"nginx.service"},
		URL: "http://{address}/", Address: "{address}:22", From: "host", ExpectStatus: 200,
		Interval: 2 * time.Second, Timeout: 10 * time.Second, Successes: 3, Deadline: 90 * time.Second,
	}
}

var web = inventory.Host{Name: "web-1", Address: "10.0.0.1"}

func runOne(t *testing.T, c inventory.Check, f *fakeHost) Result {
	t.Helper()
	results := Run(t.Context(), []inventory.Check{c}, web, f, []string{"old.service"})
	if len(results) != 1 || results[0].Check != c.Name {
		t.Fatalf("results: %+v", results)
	}
	return results[0]
}
