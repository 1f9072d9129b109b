package savedplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestAPlanIsReadAsItWasWritten(t *testing.T) {
	d := document(t)
	d.First, d.Override = true, "hotfix 4711"
	d.Stages[1].Policy.MaxFailures = inventory.Share{Count: 25, Percent: true}
	d.Stages[0].Gate = deploy.Gate{Open: true, Before: []deploy.GateStage{{Stage: "x", Missing: []string{"a"}, Why: map[string]string{"a": "b"}}}}
	data, err := Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	again, err := Encode(got)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("written twice it differs, %v", err)
	}
	if diff := cmp.Diff([]string{"dev-1", "web-1", "web-2"}, got.Names()); diff != "" {
		t.Error(diff)
	}
	if hosts := got.Hosts(); len(hosts) != 3 || hosts["web-2"].Wave != 2 {
		t.Errorf("%v", hosts)
	}
	if p, ok := got.Stage("prod"); !ok || len(p.Hosts) != 2 {
		t.Errorf("%v %v", p, ok)
	}
	if _, ok := got.Stage("qa"); ok {
		t.Error("a stage that is not in it was found")
	}
}

// refused reads text that is no plan.
func refused(t *testing.T, data []byte) *Damage {
	t.Helper()
	d, err := Decode(data)
	if err == nil {
		t.Fatalf("read: %+v", d)
	}
	var damage *Damage
	if !errors.As(err, &damage) {
		t.Fatalf("not a *Damage: %v", err)
	}
	if damage.Hint == "" {
		t.Errorf("%v: says not what to do", err)
	}
	return damage
}

func TestADamagedFileSaysWhereAndWhatToDo(t *testing.T) {
	whole, err := Encode(document(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole)
	lineWith := func(part string) int {
		return 1 + strings.Count(text[:strings.Index(text, part)], "\n")
	}
	replaced := func(from, to string) string {
		if !strings.Contains(text, from) {
			t.Fatalf("the plan has no %s", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	id := lineWith(`"id"`)
	for name, c := range map[string]struct {
		text string
		line int
		what string
	}{
		"empty":             {"", 1, "ends in the middle"},
		"cut":               {text[:strings.Index(text, `"stages"`)], lineWith(`"stages"`), "ends in the middle"},
		"not JSON":          {replaced(`"id":`, `"id"=`), id, "not JSON"},
		"two documents":     {text + "{}", strings.Count(text, "\n") + 1, "not JSON"},
		"other JSON":        {`{"plans": []}`, 0, "no saved plan"},
		"a list":            {`[]`, 1, ""},
		"newer":             {replaced(`"nixdeploy_plan": 1,`, `"nixdeploy_plan": 2, "news": 1,`), 0, "format 2, and this nixdeploy knows 1"},
		"older":             {replaced(`"nixdeploy_plan": 1`, `"nixdeploy_plan": 0`), 0, "format 0"},
		"unknown key":       {replaced(`"id":`, `"nosuch": 1,`+"\n"+`"id":`), id, "unknown key nosuch"},
		"unknown inner key": {replaced(`"machine_id"`, `"machine"`), lineWith(`"machine_id"`), "unknown key stages[0].hosts[0].observed.machine"},
		"case of a key":     {replaced(`"id":`, `"ID":`), id, "unknown key ID"},
		"a key twice":       {replaced(`"id":`, `"id": "x", "id":`), id, "id stands there twice"},
		"another type":      {replaced(`"by": "me@here"`, `"by": 3`), lineWith(`"by"`), "by: this is a JSON number"},
		"another wanted":    {replaced(newSystem, "/etc/passwd"), lineWith(`"wanted"`), "stages[0].hosts[0].wanted: not a store path"},
		"wanted with a blank": {
			replaced(newSystem, newSystem+" --help"), lineWith(`"wanted"`), "not a store path",
		},
		"another id": {replaced(`"01JDXK7QJ3M8Z9V6B2T4R5W0AX"`, `"../../etc"`), id, "id: not the id of a plan"},
		"another digest": {
			replaced(`"digest": "`, `"digest": "0`), lineWith(`"digest"`), "flake.digest",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := refused(t, []byte(c.text))
			if d.Line != c.line || !strings.Contains(d.What, c.what) {
				t.Errorf("line %d: %s; want line %d: %s", d.Line, d.What, c.line, c.what)
			}
		})
	}
}

func TestAPlanThatDoesNotHoldTogetherIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *Document)
		what   string
	}{
		"no stage":          {func(d *Document) { d.Stages = nil }, "stages: no stage"},
		"no fleet":          {func(d *Document) { d.Fleet = "" }, "fleet: empty"},
		"inventory hash":    {func(d *Document) { d.Inventory.Hash = "abc" }, "inventory.hash"},
		"two hashes":        {func(d *Document) { d.Flake.Hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }, "flake.hash"},
		"a stage twice":     {func(d *Document) { d.Stages[1].Stage, d.Stages[1].Policy.Name = "dev", "dev" }, "stages[1].stage"},
		"another policy":    {func(d *Document) { d.Stages[1].Policy.Name = "dev" }, "stages[1].stage"},
		"another fleet":     {func(d *Document) { d.Stages[0].Fleet = "away" }, "stages[0].fleet"},
		"another flake":     {func(d *Document) { d.Stages[0].Flake = strings.Repeat("0", 64) }, "stages[0].flake"},
		"nobody at once":    {func(d *Document) { d.Stages[0].Policy.Parallel = 0 }, "stages[0].policy.parallel"},
		"no host":           {func(d *Document) { d.Stages[0].Hosts = nil }, "stages[0].hosts"},
		"a host twice":      {func(d *Document) { d.Stages[0].Hosts[0].Host, d.Stages[0].Waves[0][0] = "web-1", "web-1" }, "stages[1].hosts[0].host"},
		"a host in no wave": {func(d *Document) { d.Stages[1].Waves = d.Stages[1].Waves[:1] }, "stages[1].waves"},
		"a host too many":   {func(d *Document) { d.Stages[1].Waves[1] = append(d.Stages[1].Waves[1], "web-9") }, "stages[1].waves"},
		"another wave":      {func(d *Document) { d.Stages[1].Hosts[1].Wave = 1 }, "stages[1].hosts[1].wave"},
		"no wave":           {func(d *Document) { d.Stages[1].Hosts[1].Wave = 0 }, "stages[1].hosts[1].wave"},
		"a problem":         {func(d *Document) { d.Stages[0].Hosts[0].Problem = &deploy.Problem{} }, "stages[0].hosts[0].problem"},
		"not observed":      {func(d *Document) { d.Stages[0].Hosts[0].Observed = nil }, "observed is missing"},
		"nothing wanted":    {func(d *Document) { d.Stages[0].Hosts[0].Wanted = "" }, "wanted"},
		"not decided":       {func(d *Document) { d.Stages[0].Hosts[0].Change = deploy.ChangeEvaluate }, "change"},
		"no settings":       {func(d *Document) { delete(d.Inventory.Hosts, "web-2") }, "web-2 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t)
			c.change(d)
			if _, err := Encode(d); err == nil || !strings.Contains(err.Error(), c.what) {
				t.Errorf("written: %v", err)
			}
			data, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if got := refused(t, data); !strings.Contains(got.What, c.what) {
				t.Errorf("read: %v", got)
			}
		})
	}
}

func TestAFileHasALimit(t *testing.T) {
	d := refused(t, make([]byte, MaxBytes+1))
	if !strings.Contains(d.What, "512 MiB") {
		t.Error(d)
	}
}

// A thousand hosts that each fetch a whole release, some 4000 paths, are one file.
func TestAThousandHostsAreOneFile(t *testing.T) {
	size := func(paths int) int {
		d := document(t)
		for range paths {
			d.Stages[0].Hosts[0].Fetch = append(d.Stages[0].Hosts[0].Fetch, newSystem)
		}
		data, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
	if each := size(4000) - size(0); 1000*each > MaxBytes {
		t.Errorf("%d bytes for each of a thousand hosts, and %d are the most", each, MaxBytes)
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add([]byte(`{"nixdeploy_plan":1,"stages":[{"hosts":[{"observed":{"links":1}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data)
		if (d == nil) == (err == nil) {
			t.Errorf("%v, %v", d, err)
		}
	})
}

func TestOnlyHostsThatAreKnownCanBeSaved(t *testing.T) {
	plan := func(change func(h *deploy.HostPlan)) []deploy.Plan {
		bad, good := hostPlan("web-1", 1), hostPlan("web-2", 1)
		change(&bad)
		return []deploy.Plan{{Hosts: []deploy.HostPlan{bad, good}}}
	}
	gone := &deploy.Problem{Code: deploy.CodeUnreachable, Host: "web-1"}
	for name, c := range map[string]struct {
		change func(h *deploy.HostPlan)
		code   deploy.Code
	}{
		"known":       {func(*deploy.HostPlan) {}, ""},
		"unchanged":   {func(h *deploy.HostPlan) { h.Change = deploy.ChangeUnchanged }, ""},
		"unreachable": {func(h *deploy.HostPlan) { h.Problem, h.Observed = gone, nil }, deploy.CodeUnreachable},
		"not read":    {func(h *deploy.HostPlan) { h.Observed = nil }, deploy.CodeUnreachable},
		"unknown":     {func(h *deploy.HostPlan) { h.Change = deploy.ChangeUnknown }, deploy.CodeUnreachable},
		"to evaluate": {func(h *deploy.HostPlan) { h.Change, h.Wanted = deploy.ChangeEvaluate, "" }, deploy.CodeEvaluation},
	} {
		t.Run(name, func(t *testing.T) {
			problems := Unsavable(plan(c.change))
			if c.code == "" && len(problems) > 0 || c.code != "" && (len(problems) != 1 || problems[0].Code != c.code || problems[0].Host != "web-1") {
				t.Errorf("%+v", problems)
			}
		})
	}
}
