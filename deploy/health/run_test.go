package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

var lost = &deploy.Problem{Code: deploy.CodeUnreachable, What: "the connection was lost"}

func always[T any](v T) func(int) (T, error) { return func(int) (T, error) { return v, nil } }

func exits(codes ...int) func(int) (int, string, error) {
	return func(try int) (int, string, error) { return codes[min(try, len(codes)-1)], "said so", nil }
}

func TestRunReachesEachVerdict(t *testing.T) {
	units := func(list ...string) *fakeHost { return &fakeHost{failed: always(list)} }
	states := func(state string) *fakeHost {
		return &fakeHost{states: always(map[string]string{"nginx.service": state})}
	}
	command := func(codes ...int) *fakeHost { return &fakeHost{command: exits(codes...)} }
	for _, tt := range []struct {
		name   string
		check  inventory.CheckType
		host   *fakeHost
		want   Verdict
		after  time.Duration
		detail string
	}{
		{"nothing failed", inventory.CheckUnits, units(), Passed, 4 * time.Second, "nothing failed, 3 times in a row, 3 tries"},
		{"failed as before", inventory.CheckUnits, units("old.service"), Passed, 4 * time.Second, "failed as before: old.service"},
		{"newly failed", inventory.CheckUnits, units("old.service", "new.service"), Failed, 10 * time.Second, "newly failed: new.service, 6 tries"},
		{"the host does not say", inventory.CheckUnits, &fakeHost{failed: func(int) ([]string, error) { return nil, lost }},
			Inconclusive, 88 * time.Second, "the connection was lost, so nothing is known, 45 tries"},
		{"active", inventory.CheckActive, states("active"), Passed, 4 * time.Second, "active nginx.service: active"},
		{"still activating", inventory.CheckActive, states("activating"), Failed, 88 * time.Second, "nginx.service is activating, 45 tries"},
		{"no such unit", inventory.CheckActive, states("inactive"), Failed, 88 * time.Second, "nginx.service is inactive"},
		{"a unit without an answer", inventory.CheckActive, &fakeHost{states: always(map[string]string{})}, Failed, 88 * time.Second, "nginx.service is not known"},
		{"the command comes up", inventory.CheckCommand, command(1, 1, 0), Passed, 8 * time.Second, "exit code 0, 3 times in a row, 5 tries"},
		{"the command fails", inventory.CheckCommand, command(3), Failed, 88 * time.Second, "exit code 3: said so, 45 tries"},
		{"it runs out of time on the host", inventory.CheckCommand, command(124), Failed, 88 * time.Second, "no answer within"},
		{"it is not executable", inventory.CheckCommand, command(126), Inconclusive, 88 * time.Second, "cannot be run on the host"},
		{"it is not there", inventory.CheckCommand, command(127), Inconclusive, 88 * time.Second, "cannot be run on the host"},
		{"one bad in three, ending well", inventory.CheckCommand,
			&fakeHost{command: func(try int) (int, string, error) { return []int{1, 0, 0}[try%3], "", nil }},
			Failed, 88 * time.Second, "exit code 1, and after that not 3 times in a row, 45 tries"},
		{"fetched", inventory.CheckHTTP, &fakeHost{fetch: func(string) (int, error) { return 200, nil }}, Passed, 4 * time.Second, "http http://10.0.0.1/ (from the host): 200"},
		{"fetched, another status", inventory.CheckHTTP, &fakeHost{fetch: func(string) (int, error) { return 302, nil }}, Failed, 88 * time.Second, "302, wanted 200"},
		{"refused to the host itself", inventory.CheckTCP, &fakeHost{connect: func(string) error { return errors.New("refused") }}, Failed, 88 * time.Second, "tcp 10.0.0.1:22 (from the host): refused"},
		{"connected", inventory.CheckTCP, &fakeHost{connect: func(string) error { return nil }}, Passed, 4 * time.Second, "connected"},
		{"could not be asked", inventory.CheckTCP, &fakeHost{connect: func(string) error { return lost }}, Inconclusive, 88 * time.Second, "the connection was lost"},
		{"of no known type", "dance", &fakeHost{}, Inconclusive, 88 * time.Second, "does not know"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got := runOne(t, of(tt.check), tt.host)
				if got.Verdict != tt.want || time.Since(began) != tt.after {
					t.Errorf("%s after %v, want %s after %v", got.Verdict, time.Since(began), tt.want, tt.after)
				}
				if !strings.Contains(got.Detail, tt.detail) {
					t.Errorf("detail %q, want in it %q", got.Detail, tt.detail)
				}
			})
		})
	}
}

// Row 60: a command that hangs. The try fails; the wait is bounded whether the
// host keeps the timeout or not.
func TestATryThatHangsEnds(t *testing.T) {
	for name, c := range map[string]inventory.Check{"command": of(inventory.CheckCommand), "http": of(inventory.CheckHTTP), "tcp": of(inventory.CheckTCP)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				host := &fakeHost{takes: time.Hour}
				got := runOne(t, c, host)
				if got.Verdict != Failed || !strings.Contains(got.Detail, "no answer within") {
					t.Errorf("%+v", got)
				}
				if most := longestWait([]inventory.Check{c}); time.Since(began) > most {
					t.Errorf("took %v, promised %v", time.Since(began), most)
				}
				for _, given := range host.timeouts {
					if given <= 0 || given > c.Timeout {
						t.Errorf("the host was given a timeout of %v", given)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if got := runOne(t, of(inventory.CheckUnits), &fakeHost{takes: time.Hour}); got.Verdict != Inconclusive {
			t.Errorf("a host that does not answer about its units: %+v", got)
		}
	})
}

func TestTheHostIsAskedOneThingAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &fakeHost{
			takes: 700 * time.Millisecond, failed: always([]string(nil)), command: exits(0),
			states: always(map[string]string{"nginx.service": "active"}),
			fetch:  func(string) (int, error) { return 200, nil }, connect: func(string) error { return nil },
		}
		checks := []inventory.Check{
			of(inventory.CheckUnits), of(inventory.CheckActive), of(inventory.CheckCommand), of(inventory.CheckHTTP), of(inventory.CheckTCP),
		}
		results := Run(t.Context(), checks, web, host, nil)
		if Worst(results) != Passed {
			t.Errorf("%+v", results)
		}
		for i, r := range results {
			if r.Check != checks[i].Name {
				t.Errorf("result %d is of %s", i, r.Check)
			}
		}
		if n := host.overlaps.Load(); n > 0 {
			t.Errorf("two questions at once, %d times", n)
		}
	})
}

func TestACheckThatNeverGetsItsTurnIsInconclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := of(inventory.CheckCommand), of(inventory.CheckUnits)
		slow.Timeout, slow.Deadline = 10*time.Minute, 20*time.Minute
		quick.Deadline = 30 * time.Second
		checks := []inventory.Check{slow, quick}
		host := &fakeHost{takes: time.Hour, failed: always([]string(nil)), command: exits(0)}
		began := time.Now()
		results := Run(t.Context(), checks, web, host, nil)
		if Worst(results[1:]) != Inconclusive && Worst(results[:1]) != Inconclusive {
			t.Errorf("%+v", results)
		}
		if took := time.Since(began); took > longestWait(checks) {
			t.Errorf("took %v, promised %v", took, longestWait(checks))
		}
	})
}

func TestOneFailureBreaksOffTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := of(inventory.CheckCommand)
		slow.Deadline = time.Hour
		host := &fakeHost{
			failed: always([]string{"new.service"}), command: exits(1),
			connect: func(string) error { return nil },
		}
		began := time.Now()
		results := Run(t.Context(), []inventory.Check{slow, of(inventory.CheckUnits), of(inventory.CheckTCP)}, web, host, nil)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v, want the 10 s of the units check", took)
		}
		verdicts := []Verdict{results[0].Verdict, results[1].Verdict, results[2].Verdict}
		if verdicts[0] != Inconclusive || verdicts[1] != Failed || verdicts[2] != Passed || Worst(results) != Failed {
			t.Errorf("%v", verdicts)
		}
		if d := results[0].Detail; !strings.Contains(d, "not finished, the check units had failed") || !strings.Contains(d, "last seen: exit code 1") {
			t.Errorf("detail: %q", d)
		}
	})
}

func TestAnEndedContextEndsTheRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(errors.New("interrupted by you")) })
		began := time.Now()
		results := Run(ctx, []inventory.Check{of(inventory.CheckCommand), of(inventory.CheckUnits)}, web,
			&fakeHost{command: exits(1), failed: func(int) ([]string, error) { return nil, lost }}, nil)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		for _, r := range results {
			if r.Verdict != Inconclusive || !strings.Contains(r.Detail, "not finished, interrupted by you, 3 tries") {
				t.Errorf("%+v", r)
			}
		}
	})
}

func TestRunOnceTriesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			host *fakeHost
			want Verdict
		}{
			{&fakeHost{command: exits(0)}, Passed},
			{&fakeHost{command: exits(1)}, Failed},
			{&fakeHost{command: exits(127)}, Inconclusive},
		} {
			began := time.Now()
			results := RunOnce(t.Context(), []inventory.Check{of(inventory.CheckCommand)}, web, tt.host, nil)
			if r := results[0]; r.Verdict != tt.want || r.Tries != 1 || time.Since(began) != 0 {
				t.Errorf("%+v after %v, want %s", r, time.Since(began), tt.want)
			}
		}
		results := RunOnce(t.Context(), []inventory.Check{of(inventory.CheckUnits)}, web, &fakeHost{failed: always([]string{"old.service"})}, []string{"old.service"})
		if Worst(results) != Passed {
			t.Errorf("the baseline was blamed: %+v", results)
		}
	})
}

func TestEverySampleIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string // without a lock: it is told by one goroutine at a time
		var busy atomic.Bool
		Run(t.Context(), []inventory.Check{of(inventory.CheckCommand), of(inventory.CheckUnits)}, web,
			&fakeHost{command: exits(1, 0), failed: always([]string(nil))}, nil,
			func(check string, ok bool, detail string) {
				if busy.Swap(true) {
					t.Error("told of two samples at once")
				}
				defer busy.Store(false)
				time.Sleep(10 * time.Millisecond) // a journal
				if ok == strings.Contains(detail, "exit code 1") {
					t.Errorf("%s: ok %v with %q", check, ok, detail)
				}
				told = append(told, check)
			}, nil)
		if len(told) != 4+3 {
			t.Errorf("told of %v", told)
		}
	})
}

func TestAnEmptyRoundProvesNothing(t *testing.T) {
	if got := Worst(Run(t.Context(), nil, web, nil, nil)); got != Inconclusive {
		t.Error(got)
	}
	if got := longestWait(nil); got != 0 {
		t.Error(got)
	}
}

func TestADeadlineShorterThanATryLeavesRoomForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := of(inventory.CheckUnits)
		c.Deadline, c.Successes = 500*time.Millisecond, 1
		for range 50 { // not by chance
			if got := runOne(t, c, &fakeHost{failed: always([]string(nil))}); got.Verdict != Passed {
				t.Fatalf("%+v", got)
			}
		}
	})
}

// A result quotes what was seen, also when a better try came after it.
func TestOldWordsAreForgottenButNotTheOnesToQuote(t *testing.T) {
	words := func(samples []Sample) (out []string) {
		for _, s := range samples {
			out = append(out, s.Detail)
		}
		return out
	}
	var samples []Sample
	for i, answer := range []Answer{No, Yes, No, Yes, Unknown, Yes} {
		forget(samples)
		samples = append(samples, Sample{Answer: answer, Detail: fmt.Sprint(i)})
	}
	if got, want := words(samples), []string{"", "", "2", "", "", "5"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func TestACheckWithoutClocksStillEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		check := inventory.Check{Name: "bare", Type: inventory.CheckCommand}
		if got := runOne(t, check, &fakeHost{command: exits(1)}); got.Verdict != Failed {
			t.Errorf("%+v", got)
		}
		if most := longestWait([]inventory.Check{check}); time.Since(began) > most {
			t.Errorf("took %v of %v", time.Since(began), most)
		}
	})
}

// longestWait bounds Run, as deploy/plan does: no set of these checks takes longer.
func longestWait(checks []inventory.Check) time.Duration {
	var longest time.Duration
	for _, c := range checks {
		longest = max(longest, withDefaults(c).Deadline)
	}
	if len(checks) == 0 {
		return 0
	}
	return longest + answerGrace
}
