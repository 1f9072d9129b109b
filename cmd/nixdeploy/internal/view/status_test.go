package view

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// statusRow is a host as cmd hands it to a page: judged already.
func statusRow(host string, standing deploy.Standing, change func(o *deploy.Observation)) HostStatus {
	o := observed(119, host)
	o.Last = &deploy.Record{
		FlakeHash: "f5fdde1dee5b4f6bd9b2b4b2c8d5e0b6e8f5fdde1dee5b4f6bd9b2b4b2c8d5e0", Toplevel: storePath(host), ProfileLink: "system-119-link",
		Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Operator: "anna@desk", Stage: "prod", Time: noon.Add(-3 * time.Hour),
	}
	if change != nil {
		change(o)
	}
	h := HostStatus{Host: host, Stage: "prod", Target: "hetzner", Standing: &standing, Observed: o}
	h.State = StateOf(h)
	return h
}

func shopStatus() StatusPage {
	other := strings.Replace(storePath("bak1"), "0c4k", "9z4k", 1)
	healthy := deploy.Standing{Condition: deploy.ConditionHealthy}
	gone := HostStatus{Host: "mon1", Stage: "prod", Problem: shopPlan().Hosts[5].Problem}
	gone.State = StateOf(gone)
	sick := statusRow("shop1", healthy, nil)
	sick.Health = &deploy.Problem{Code: deploy.CodeHealth, Step: deploy.StepHealth, What: "check web: 503, wanted 200"}
	sick.State = StateOf(sick)
	p := StatusPage{
		Now: noon, Zone: time.UTC, Next: "nixdeploy resume 01JDXK7QJ3M8Z9V6B2T4R5W0AY",
		Hosts: []HostStatus{
			statusRow("web1", healthy, func(o *deploy.Observation) { o.NextBoot, o.Reader = "", "unknown" }),
			statusRow("web2", deploy.Standing{Condition: deploy.ConditionRebootPending}, func(o *deploy.Observation) { o.RebootPending, o.Last.FlakeHash = true, "" }),
			statusRow("db1", deploy.Standing{Condition: deploy.ConditionFailedUnits, Failed: []string{"a.service", "b.service"}, FailedBefore: []string{"old.service"}}, nil),
			statusRow("bak1", deploy.Standing{
				Condition: deploy.ConditionDrift, How: "was switched by hand: generation 120, confirmed was 119",
				Drift: []deploy.DriftKind{deploy.DriftRunning, deploy.DriftProfile, deploy.DriftNextBoot},
			}, func(o *deploy.Observation) {
				o.ProfileLink, o.Profile, o.Running, o.NextBoot = "system-120-link", other, other, other
				o.Lease = &deploy.Lease{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AZ", Operator: "ci\x1b[2J@runner"}
			}),
			statusRow("web3", deploy.Standing{Condition: deploy.ConditionUnresolved}, func(o *deploy.Observation) {
				o.Active = &deploy.ActiveRun{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AY", Operator: "anna@desk", DecidesIn: 95}
			}),
			statusRow("new1", deploy.Standing{Condition: deploy.ConditionUnconfirmed}, func(o *deploy.Observation) { o.Last, o.Marker = nil, nil }),
			sick, gone,
		},
	}
	p.Findings = Findings(p.Hosts)
	for i, next := range []string{
		"nixdeploy resume 01JDXK7QJ3M8Z9V6B2T4R5W0AY", "nixdeploy plan --stage prod --on bak1", "on the host: systemctl status a.service b.service",
		"nixdeploy plan --stage prod --on new1 --first", "on the host, when it suits: systemctl reboot",
	} {
		p.Findings[i].Next = next
	}
	return p
}

func TestStatus(t *testing.T) {
	for name, style := range styles() {
		out := style.Status(shopStatus())
		golden(t, "status-"+name+".golden", out)
		for line := range strings.Lines(out) {
			if w := cells(strings.TrimRight(line, "\n")); w > 80 {
				t.Errorf("%d columns: %s", w, line)
			}
		}
	}
}

func TestStatusOfOneHostTellsItsSystems(t *testing.T) {
	p := shopStatus()
	p.Hosts = p.Hosts[3:4]
	p.Findings = Findings(p.Hosts)
	golden(t, "status-one.golden", Style{Unicode: true, Width: 80}.Status(p))
}

func TestStatusAsJSON(t *testing.T) {
	p := shopStatus()
	p.Hosts = p.Hosts[3:4]
	p.Findings = Findings(p.Hosts)
	golden(t, "status.json.golden", string(JSONStatus("1", p)))
	var doc struct {
		Format   string
		Hosts    []HostStatus
		Findings []Finding
	}
	if err := json.Unmarshal(JSONStatus("1", shopStatus()), &doc); err != nil || len(doc.Hosts) != 8 || len(doc.Findings) != 8 || doc.Format != StatusVersion {
		t.Errorf("%d hosts, %d findings, %v", len(doc.Hosts), len(doc.Findings), err)
	}
}

// Every field of the document, and every word of a state, is in the page about it.
func TestTheStatusDocumentIsDescribed(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[HostStatus](), reflect.TypeFor[deploy.Standing](), reflect.TypeFor[Finding](), reflect.TypeFor[deploy.Record]()} {
		for field := range typ.Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key != "" && !strings.Contains(string(page), "`"+key+"`") {
				t.Errorf("docs/status.md says nothing of %s.%s", typ.Name(), key)
			}
		}
	}
	for _, word := range append(states(), stateNote, StatusVersion) {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("docs/status.md says nothing of %q", word)
		}
	}
}

func TestAThousandAlikeHostsAreOneRow(t *testing.T) {
	p := StatusPage{Now: noon, Zone: time.UTC}
	for i := range 1000 {
		p.Hosts = append(p.Hosts, statusRow(fmt.Sprintf("web%d", i), deploy.Standing{Condition: deploy.ConditionHealthy}, nil))
	}
	p.Hosts[500] = statusRow("web500", deploy.Standing{Condition: deploy.ConditionFailedUnits, Failed: []string{"a.service"}}, nil)
	p.Hosts[7].Observed.ProfileLink = "system-8-link"
	p.Findings = Findings(p.Hosts)
	out := Style{}.Status(p)
	lines := strings.Split(out, "\n")
	if len(lines) > 12 || !strings.HasPrefix(lines[1], "!  web500") || !strings.HasPrefix(lines[2], "=  web0 and 998 alike  prod   healthy       *") {
		t.Errorf("%d lines:\n%s", len(lines), out)
	}
	p.Each = true
	if n := strings.Count(p.of(), "=  web"); n != 999 {
		t.Errorf("%d rows of healthy hosts, each asked for", n)
	}
}

func (p StatusPage) of() string { return Style{}.Status(p) }

func TestStatesOfHosts(t *testing.T) {
	healthy, sick := deploy.Standing{Condition: deploy.ConditionHealthy}, deploy.Standing{Condition: deploy.ConditionDrift}
	key := &deploy.Problem{Code: deploy.CodeHostKey}
	for name, c := range map[string]struct {
		host   HostStatus
		state  string
		good   bool
		failed bool
	}{
		"healthy":             {HostStatus{Observed: observed(1, "a"), Standing: &healthy}, "healthy", true, false},
		"a check failed":      {HostStatus{Observed: observed(1, "a"), Standing: &healthy, Health: key}, "unhealthy", false, false},
		"drift before checks": {HostStatus{Observed: observed(1, "a"), Standing: &sick, Health: key}, "drift", false, false},
		"a locked host":       {HostStatus{Observed: observed(1, "a"), Standing: &sick, Problem: &deploy.Problem{Code: deploy.CodeLocked}}, "drift", false, false},
		"another machine":     {HostStatus{Observed: observed(1, "a"), Standing: &healthy, Problem: &deploy.Problem{Code: deploy.CodeIdentity}}, "refused", false, true},
		"another key":         {HostStatus{Problem: key}, "refused", false, true},
		"silent":              {HostStatus{Problem: &deploy.Problem{Code: deploy.CodeUnreachable}}, "unreachable", false, true},
	} {
		h := c.host
		h.State = StateOf(h)
		if h.State != c.state || h.Good() != c.good || (h.Failed() != nil) != c.failed {
			t.Errorf("%s: %s, good %v, failed %v", name, h.State, h.Good(), h.Failed())
		}
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1m ago", 90 * time.Minute: "1h ago",
		47 * time.Hour: "47h ago", 48 * time.Hour: "2d ago", 100 * 24 * time.Hour: "100d ago",
	} {
		if got := ago(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
