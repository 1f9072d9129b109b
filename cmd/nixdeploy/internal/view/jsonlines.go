package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// EventsVersion is the version of the JSON lines: the minor number grows with
// fields that a reader may ignore, the major one with anything else.
const EventsVersion = "1.0"

// JSONVersion is the first line of a run's JSON.
func JSONVersion(version string) []byte {
	return jsonLine(map[string]string{
		"type": "version", "nixdeploy": version, "events": EventsVersion,
		"message": "nixdeploy " + version,
	})
}

// JSONEvent is the line of one event. Its message is never empty where the
// plain log has a line to tell.
func JSONEvent(e deploy.Event, plain string) []byte {
	if e.Message == "" {
		first, _, _ := bytes.Cut([]byte(plain), []byte("\n"))
		e.Message = string(first)
	}
	return jsonLine(struct {
		Type string `json:"type"`
		deploy.Event
	}{"event", e})
}

// JSONLeftOut stands where events were left out, since nobody read them in time.
func JSONLeftOut(lines int) []byte {
	return jsonLine(map[string]any{
		"type": "left-out", "lines": lines, "message": fmt.Sprintf("%d lines are left out here: nobody read the output", lines),
	})
}

// JSONReport is the last line of a run's JSON.
func JSONReport(e Ending) []byte {
	r := e.Report
	r.Hosts = e.hosts()
	r.Exit = e.Exit
	return jsonLine(struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Next    string `json:"next,omitempty"`
		deploy.Report
	}{"report", fmt.Sprintf("exit %d, %s", e.Exit, e.Meaning), e.Next, r})
}

// JSONNothing is the last line of a command that found nothing to do: the report
// of the run that was named, if any.
func JSONNothing(r deploy.Report, message, next string) []byte {
	return jsonLine(struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Next    string `json:"next,omitempty"`
		deploy.Report
	}{"report", message, next, r})
}

// PlanVersion is the version of the document of plan --json, counted as
// EventsVersion is.
const PlanVersion = "1.1"

// JSONPlans is the one document of plan --json. Every host has all of its own
// facts there; which hosts are alike is told beside them.
func JSONPlans(version string, plans []deploy.Plan, next string) []byte {
	type alike struct {
		Stage string   `json:"stage"`
		Hosts []string `json:"hosts"`
	}
	groups, radii := []alike{}, []deploy.Radius{}
	for _, p := range plans {
		radii = append(radii, p.Radius())
		for _, hosts := range alikeHosts(p.Hosts) {
			groups = append(groups, alike{p.Stage, hosts})
		}
	}
	return JSONDocument(map[string]any{
		"type": "plan", "nixdeploy": version, "format": PlanVersion, "plans": plans, "alike": groups, "radius": radii, "next": next,
	})
}

// JSONDocument is v on several lines, for a command whose answer is one document.
func JSONDocument(v any) []byte {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return jsonLine(map[string]string{"type": "error", "message": err.Error()})
	}
	return append(disarmJSON(out), '\n')
}

func jsonLine(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil { // none of our types can fail; a line must come all the same
		out = fmt.Appendf(nil, `{"type":"error","message":%q}`, err.Error())
	}
	return append(disarmJSON(out), '\n')
}

// disarmJSON writes "##[" so that no CI reads a command in it. It can only
// stand inside a string, where \u005b is the same character.
func disarmJSON(out []byte) []byte {
	return bytes.ReplaceAll(out, []byte("##["), []byte(`##\u005b`))
}

// JSONError is the line of an error that ended a command.
func JSONError(exit int, err error) []byte {
	line := struct {
		Type     string              `json:"type"`
		Exit     int                 `json:"exit"`
		Message  string              `json:"message"`
		Problem  *deploy.Problem     `json:"problem,omitempty"`
		Problems []inventory.Problem `json:"problems,omitempty"`
	}{Type: "error", Exit: exit, Message: err.Error()}
	errors.As(err, &line.Problem)
	if list, ok := errors.AsType[*inventory.Problems](err); ok {
		line.Problems = list.List
	}
	return jsonLine(line)
}
