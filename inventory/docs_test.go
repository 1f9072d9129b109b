package inventory

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reference is the part of the guide that documents hosts.toml.
func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## Reference of hosts.toml\n")
	if !ok {
		t.Fatal("docs/guide.md has no reference of hosts.toml any more")
	}
	return after
}

// documented is one row of a table of the reference.
type documented struct{ key, def, in string }

// rows reads the tables of the reference, by the heading that they stand under.
func rows(t *testing.T) map[string][]documented {
	t.Helper()
	out := map[string][]documented{}
	heading := ""
	columns := map[string]int{}
	for line := range strings.Lines(reference(t)) {
		line = strings.TrimSpace(line)
		if h, ok := strings.CutPrefix(line, "### "); ok {
			heading = strings.Trim(h, "`")
			out[heading] = nil
			continue
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "key":
			columns = map[string]int{}
			for i, c := range cells {
				columns[c] = i
			}
		case strings.HasPrefix(cells[0], "`"):
			d := documented{key: strings.Trim(cells[0], "`"), def: cells[columns["default"]]}
			if i, ok := columns["in"]; ok {
				d.in = cells[i]
			}
			out[heading] = append(out[heading], d)
		}
	}
	return out
}

const sharedSettings = "Settings of hosts"

func TestTheGuideNamesTheKeysOfTheSchemaAndNoOthers(t *testing.T) {
	tables := rows(t)
	s := newSchema()
	for sc, want := range s.keys {
		if sc == scopeFile {
			continue // its keys are the headings
		}
		var got []string
		if _, ok := tables[string(sc)]; !ok {
			t.Errorf("the guide has no section %s", sc)
		}
		for _, d := range tables[string(sc)] {
			got = append(got, d.key)
		}
		for _, d := range tables[sharedSettings] {
			if strings.Contains(d.in, "`"+string(sc)+"`") {
				got = append(got, d.key)
			}
		}
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the guide has %v, the schema %v", sc, got, want)
		}
	}
	for _, d := range tables[sharedSettings] {
		for place := range strings.FieldsSeq(d.in) {
			if !s.has(scope(strings.Trim(place, "`")), d.key) {
				t.Errorf("the guide allows %s in %s, the schema does not", d.key, place)
			}
		}
	}
	for _, top := range s.keys[scopeFile] {
		if !slices.ContainsFunc(keysOf(tables), func(h string) bool { return strings.HasPrefix(h, "["+top) }) {
			t.Errorf("the guide has no section for [%s]", top)
		}
	}
}

func keysOf(tables map[string][]documented) []string {
	var out []string
	for k := range tables {
		out = append(out, k)
	}
	return out
}

var firstCode = regexp.MustCompile("^`([^`]*)`")

// defaultText is the value that a cell begins with, as Resolved writes it.
func defaultText(cell string) (string, bool) {
	if cell == "none" {
		return "", true
	}
	m := firstCode.FindStringSubmatch(cell)
	if m == nil {
		return "", false // words: "required", "the host's name"
	}
	return strings.Trim(m[1], `[]"`), true
}

func TestTheGuidesDefaultsAreThoseOfTheReader(t *testing.T) {
	inv := mustParse(t, small)
	is := map[string]string{"source": inv.Flake.Source, "nixpkgs": inv.Flake.Nixpkgs}
	for _, s := range Resolved(inv.Hosts[0]) {
		is[s.Key] = s.Value
	}
	is["allowed_signers"], is["require_signature"] = inv.Plans.AllowedSigners, strconv.FormatBool(inv.Plans.RequireSignature)
	st := inv.Stages[0]
	is["batches"], is["parallel"], is["max_failures"] = st.Batches[0].String(), strconv.Itoa(st.Parallel), st.MaxFailures.String()
	is["on_failure"], is["soak"] = string(st.OnFailure), shortDuration(st.Soak)
	c := defaultCheck("web")
	is["from"], is["expect_status"], is["successes"] = c.From, strconv.Itoa(c.ExpectStatus), strconv.Itoa(c.Successes)
	for key, d := range map[string]time.Duration{"interval": c.Interval, "timeout": c.Timeout, "deadline": c.Deadline} {
		is[key] = strconv.Itoa(int(d.Seconds())) + "s"
	}
	compared := 0
	for section, table := range rows(t) {
		for _, d := range table {
			want, ok := defaultText(d.def)
			value, known := is[d.key]
			if !ok || !known {
				continue
			}
			if compared++; value != want {
				t.Errorf("%s, %s: the guide's default is %q, the reader's %q", section, d.key, want, value)
			}
		}
	}
	if compared < 25 {
		t.Errorf("only %d defaults were compared: does the reading of the tables still work?", compared)
	}
}
