package health

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// trace makes samples from letters, one each interval: y yes, n no, ? unknown,
// a and b the failure of that unit.
func trace(c inventory.Check, letters string) []Sample {
	var out []Sample
	for i, l := range letters {
		s := Sample{Began: time.Duration(i) * c.Interval, Ended: time.Duration(i)*c.Interval + 100*time.Millisecond}
		switch l {
		case 'y':
			s.Answer = Yes
		case 'n':
			s.Answer = No
		case 'a', 'b':
			s.Answer, s.Failed = No, []string{string(l) + ".service"}
		}
		out = append(out, s)
	}
	return out
}

// Row 59 of the fault catalogue among others. The deadline of 90 s and the
// interval of 2 s leave room for 45 tries: the last begins at 88 s.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name, trace string
		want        Verdict
	}{
		{"nothing tried yet", "", Pending},
		{"one good try is not enough", "y", Pending},
		{"three in a row", "yyy", Passed},
		{"late but in time", "nnn???yyy", Passed},
		{"a flap starts the count anew", "yynyy", Pending},
		{"an unknown starts it anew too", "yy?yy", Pending},
		{"flapping one in three to the end", strings.Repeat("yyn", 15), Failed},
		{"flapping, ending well", strings.Repeat("nyy", 15), Failed},
		{"no to the end", strings.Repeat("n", 45), Failed},
		{"not yet the end", strings.Repeat("n", 44), Pending},
		{"unknown to the end", strings.Repeat("?", 45), Inconclusive},
		{"silent at the end after noes", strings.Repeat("n", 42) + "???", Inconclusive},
		{"one of the newest three was no", strings.Repeat("?", 42) + "n??", Failed},
		{"no time left to prove itself", strings.Repeat("?", 43) + "yy", Inconclusive},
		{"the very last try completes it", strings.Repeat("n", 42) + "yyy", Passed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := of(inventory.CheckHTTP)
			if got := Judge(c, trace(c, tt.trace)); got != tt.want {
				t.Errorf("%q: %s, want %s", tt.trace, got, tt.want)
			}
		})
	}
}

// A definite failure of a unit needs no 90 s; row 41: one that still flaps is
// watched to the end.
func TestJudgeOfUnitsEndsEarlyOnADefiniteFailure(t *testing.T) {
	for _, tt := range []struct {
		trace string
		want  Verdict
	}{
		{"aaaaa", Pending}, // 8 s: systemd may still restart it
		{"aaaaaa", Failed}, // 10 s
		{"yaaaaa", Pending},
		{"yyaaaaaa", Failed},
		{"aaa?aa", Pending},  // not in a row
		{"aaaybaa", Pending}, // it had recovered
		{"ababab", Pending},  // never the same unit
		{"bbaaaaaa", Failed},
		{strings.Repeat("ay", 22) + "a", Failed}, // at the deadline
	} {
		c := of(inventory.CheckUnits)
		if got := Judge(c, trace(c, tt.trace)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.trace, got, tt.want)
		}
	}
	slow := of(inventory.CheckUnits)
	slow.Interval = 20 * time.Second // two tries span more than 9 s: still three are wanted
	if got := Judge(slow, trace(slow, "aa")); got != Pending {
		t.Errorf("two tries: %s", got)
	}
	if got := Judge(slow, trace(slow, "aaa")); got != Failed {
		t.Errorf("three tries: %s", got)
	}
}

func TestAYesAfterTheDeadlineDoesNotCount(t *testing.T) {
	c := of(inventory.CheckHTTP)
	c.Successes = 1
	late := []Sample{{Began: 88 * time.Second, Ended: 91 * time.Second, Answer: Yes}}
	if got := Judge(c, late); got != Inconclusive {
		t.Errorf("late yes: %s", got)
	}
}

// What must hold of every trace, however odd.
func TestJudgeOnAnyTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := of(rapid.SampledFrom([]inventory.CheckType{inventory.CheckUnits, inventory.CheckHTTP}).Draw(t, "type"))
		c.Successes = rapid.IntRange(1, 4).Draw(t, "successes")
		c.Deadline = time.Duration(rapid.IntRange(1, 60).Draw(t, "deadline")) * time.Second
		letters := rapid.StringOfN(rapid.SampledFrom([]rune("yn?ab")), 1, 60, -1).Draw(t, "trace")
		samples := trace(c, letters)
		before := slices.Clone(samples)
		for n := range len(samples) + 1 {
			got := Judge(c, samples[:n])
			if again := Judge(c, samples[:n]); again != got {
				t.Fatalf("the same trace gave %s and %s", got, again)
			}
			if n < c.Successes && got == Passed || !strings.Contains(letters[:n], "y") && got == Passed {
				t.Fatalf("passed without %d times yes: %q", c.Successes, letters[:n])
			}
			if !strings.ContainsAny(letters[:n], "nab") && got == Failed {
				t.Fatalf("failed without a no: %q", letters[:n])
			}
			if n > 0 && got == Pending && samples[n-1].Ended >= c.Deadline {
				t.Fatalf("still pending after the deadline: %q", letters[:n])
			}
		}
		for i := range samples {
			if !slices.Equal(samples[i].Failed, before[i].Failed) {
				t.Fatal("Judge changed its samples")
			}
		}
	})
}

func TestWorst(t *testing.T) {
	r := func(verdicts ...Verdict) []Result {
		var out []Result
		for _, v := range verdicts {
			out = append(out, Result{Verdict: v})
		}
		return out
	}
	for _, tt := range []struct {
		of   []Result
		want Verdict
	}{
		{nil, Inconclusive}, // no evidence never passes
		{r(Passed, Passed), Passed},
		{r(Passed, Inconclusive), Inconclusive},
		{r(Inconclusive, Failed, Passed), Failed},
		{r(Passed, ""), Inconclusive},
		{r(Passed, Pending), Inconclusive},
	} {
		if got := Worst(tt.of); got != tt.want {
			t.Errorf("Worst(%v) = %s, want %s", tt.of, got, tt.want)
		}
	}
}
