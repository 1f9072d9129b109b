package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// raw makes one line of any JSON, checksum and all, by the format's definition
// and not by the code under test.
func raw(text string) string {
	sum := crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
	return fmt.Sprintf("%08x %s\n", sum, text)
}

func TestTheFileFormat(t *testing.T) {
	_, run, data := written(t, event(deploy.EventStepIntent, "web-1"))
	want := raw(`{"nixdeploy_journal":1,"run":"`+run+`"}`) +
		raw(`{"seq":1,"time":"2026-03-01T12:00:00.123456789Z","run":"`+run+`","kind":"step-intent","host":"web-1"}`)
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("an older or newer nixdeploy reads this file (-want +got):\n%s", diff)
	}
}

// A crash can end the file at any byte of what was not yet durable.
func TestATornEndIsDropped(t *testing.T) {
	dir, run, data := written(t,
		event(deploy.EventRunStarted, ""), event(deploy.EventStepIntent, "a"), event(deploy.EventHostState, "a"))
	begin := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	for cut := begin; cut <= len(data); cut++ {
		want := 2
		if cut == len(data) {
			want = 3
		}
		overwrite(t, dir, run, data[:cut])
		if got := mustRead(t, dir, run); len(got) != want {
			t.Fatalf("cut at byte %d: %d events, want %d", cut, len(got), want)
		}
		j, _, err := Open(dir, run)
		if err != nil {
			t.Fatalf("cut at byte %d: %v", cut, err)
		}
		mustAppend(t, j, event(deploy.EventStepFailed, "b"))
		mustClose(t, j)
		got := mustRead(t, dir, run)
		if len(got) != want+1 || got[want].Host != "b" || got[want].Seq != uint64(want)+1 {
			t.Fatalf("cut at byte %d, then appended: %v", cut, got)
		}
	}
}

func TestATailOfZerosOrNoiseIsDropped(t *testing.T) {
	dir, run, data := written(t, event(deploy.EventRunStarted, ""), event(deploy.EventStepIntent, "a"))
	for name, tail := range map[string]string{
		"zeros, as of a file that grew before its data came": strings.Repeat("\x00", 4096),
		"broken lines": "deadbeef {}\nnot a record\n\n",
		"half a line":  "deadb",
	} {
		overwrite(t, dir, run, append(bytes.Clone(data), tail...))
		if got := mustRead(t, dir, run); len(got) != 2 {
			t.Errorf("%s: %d events, want 2", name, len(got))
		}
	}
}

// Row 29 of the fault catalogue: what no crash explains is refused, with the
// file and the line, and never guessed around.
func TestADamagedMiddleIsRefused(t *testing.T) {
	dir, run, data := written(t,
		event(deploy.EventRunStarted, ""), event(deploy.EventStepIntent, "a"), event(deploy.EventHostState, "a"))
	lines := strings.SplitAfter(string(data), "\n")[:4]
	intent := func(seq int, run string) string {
		return raw(fmt.Sprintf(`{"seq":%d,"run":"%s","kind":"step-intent"}`, seq, run))
	}
	flipped := []byte(lines[2])
	flipped[20] ^= 4
	tests := map[string]struct {
		file string
		line int
	}{
		"a bit flipped in the middle": {lines[0] + lines[1] + string(flipped) + lines[3], 3},
		"a line taken out":            {lines[0] + lines[1] + lines[3], 3},
		"a line twice":                {lines[0] + lines[1] + lines[2] + lines[2] + lines[3], 4},
		"two lines swapped":           {lines[0] + lines[2] + lines[1] + lines[3], 2},
		"a line of another run":       {lines[0] + lines[1] + intent(2, NewRunID()), 3},
		"a line that is no event":     {lines[0] + lines[1] + raw(`["seq",2]`), 3},
		"emptied":                     {"", 1},
		"a torn first line":           {lines[0][:20], 1},
		"no first line":               {lines[1] + lines[2] + lines[3], 1},
		"another run's whole journal": {raw(`{"nixdeploy_journal":1,"run":"` + NewRunID() + `"}`), 1},
		"some other file":             {"#!/bin/sh\nexit 0\n", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			overwrite(t, dir, run, []byte(tt.file))
			_, err := Read(dir, run)
			var damaged *DamagedError
			if !errors.As(err, &damaged) {
				t.Fatalf("Read: %v", err)
			}
			if damaged.Line != tt.line || damaged.Path != eventsPath(dir, run) {
				t.Errorf("names %s:%d, want line %d: %v", damaged.Path, damaged.Line, tt.line, err)
			}
			if j, _, err := Open(dir, run); !errors.As(err, &damaged) {
				t.Errorf("Open: %v, %v", j, err)
			}
			if now, err := os.ReadFile(eventsPath(dir, run)); err != nil || string(now) != tt.file {
				t.Error("a refused journal was changed")
			}
			if Held(dir, run) {
				t.Error("a refused Open kept the lock")
			}
		})
	}
	t.Run("events.jsonl deleted", func(t *testing.T) {
		if err := os.Remove(eventsPath(dir, run)); err != nil {
			t.Fatal(err)
		}
		var damaged *DamagedError
		if _, err := Read(dir, run); !errors.As(err, &damaged) {
			t.Errorf("Read: %v", err)
		}
	})
}

func TestANewerJournalIsRefusedByItsVersion(t *testing.T) {
	dir, run, _ := written(t)
	overwrite(t, dir, run, []byte(raw(`{"nixdeploy_journal":2,"run":"`+run+`","more":true}`)+raw(`{"other":"form"}`)))
	_, err := Read(dir, run)
	var newer *VersionError
	if !errors.As(err, &newer) || newer.Version != 2 || newer.Newest != 1 {
		t.Fatalf("Read: %v", err)
	}
}

func TestFieldsOfANewerMinorAreSkipped(t *testing.T) {
	dir, run, data := written(t)
	overwrite(t, dir, run, append(data, raw(`{"seq":1,"run":"`+run+`","kind":"step-intent","host":"a","mood":"good"}`)...))
	if got := mustRead(t, dir, run); len(got) != 1 || got[0].Host != "a" {
		t.Errorf("read %v", got)
	}
}

func TestARecordLargerThanEveryBuffer(t *testing.T) {
	long := strings.Repeat("ß", 100_000)
	j, dir, run := create(t)
	mustAppend(t, j, deploy.Event{Kind: deploy.EventStageStarted, Message: long}, deploy.Event{Kind: deploy.EventRunFinished, Message: long})
	if got := mustRead(t, dir, run); len(got) != 2 || got[1].Message != long {
		t.Errorf("a long record did not come back")
	}
	runs, err := List(dir)
	if err != nil || len(runs) != 1 || !runs[0].Finished {
		t.Errorf("List: %+v, %v", runs, err)
	}
}

// FuzzRead: whatever the file holds, the reader ends with a whole prefix or a
// refusal, and what it accepts it accepts again after being written anew.
func FuzzRead(f *testing.F) {
	const run = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	head := raw(`{"nixdeploy_journal":1,"run":"` + run + `"}`)
	one := raw(`{"seq":1,"run":"` + run + `","kind":"step-intent","host":"a"}`)
	two := raw(`{"seq":2,"run":"` + run + `","kind":"host-state","state":"confirmed","problem":{"what":"x"}}`)
	for _, seed := range []string{"", head, head + one, head + one + two, head + one + two[:30], head + "x\n" + one, one, head + "\x00\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := scanRecords(bytes.NewReader(data), "events.jsonl", run)
		var damaged *DamagedError
		var newer *VersionError
		if err != nil {
			if !errors.As(err, &damaged) && !errors.As(err, &newer) {
				t.Fatalf("an error without a type: %v", err)
			}
			return
		}
		again, err := scanRecords(bytes.NewReader(data[:found.good]), "events.jsonl", run)
		if err != nil || len(again.events) != len(found.events) || again.good != found.good {
			t.Fatalf("without its torn end the file reads differently: %v", err)
		}
		file, err := appendRecord(nil, header{Version: version, Run: run})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found.events {
			if file, err = appendRecord(file, e); err != nil {
				t.Skip("an event that JSON reads but cannot write") // a year above 9999
			}
		}
		rewritten, err := scanRecords(bytes.NewReader(file), "events.jsonl", run)
		if err != nil {
			t.Fatal(err)
		}
		if !sameJSON(t, deploy.Fold(found.events), deploy.Fold(rewritten.events)) {
			t.Fatal("written anew, the events fold differently")
		}
	})
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	var texts [2]string
	for i, v := range []any{a, b} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if texts[0] != texts[1] {
		t.Log(cmp.Diff(texts[0], texts[1]))
	}
	return texts[0] == texts[1]
}
