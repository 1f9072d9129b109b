package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/nixerror"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// root is the repository, as the tests of this package see it.
const root = "../.."

// page is one Markdown file, taken apart.
type page struct {
	path   string // relative to the repository
	prose  string // without code blocks
	blocks []block
}

// block is one fenced code block.
type block struct {
	lang, text string
	line       int
}

// pages reads every Markdown page for people: those of the root, and docs.
func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	add := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, parsePage(rel, string(text)))
	}
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range top {
		add(path)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			add(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 15 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

func pageCalled(t *testing.T, path string) page {
	t.Helper()
	for _, p := range pages(t) {
		if p.path == path {
			return p
		}
	}
	t.Fatalf("there is no %s", path)
	return page{}
}

func parsePage(path, text string) page {
	p := page{path: path}
	var open *block
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		lang, fence := strings.CutPrefix(trimmed, "```")
		switch {
		case fence && open == nil:
			open = &block{lang: lang, line: n}
		case fence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, "   ") // a block inside of a list
		default:
			p.prose += line
		}
	}
	return p
}

// A part of an inventory may leave out what the rest of it has to say, and
// nothing else.
func TestInventoriesInTheDocsAreValid(t *testing.T) {
	whole := regexp.MustCompile(`(?m)^(\[fleet\]|fleet\.name)`)
	inventories, parts := 0, 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang != "toml" {
				continue
			}
			path := filepath.Join(t.TempDir(), "hosts.toml")
			if err := os.WriteFile(path, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := inventory.Load(path)
			if whole.MatchString(b.text) {
				inventories++
				if err != nil {
					t.Errorf("%s:%d: %v", p.path, b.line, err)
				}
				continue
			}
			parts++
			problems, ok := errors.AsType[*inventory.Problems](err)
			if !ok {
				t.Errorf("%s:%d: %v", p.path, b.line, err)
				continue
			}
			for _, problem := range problems.List {
				if !strings.HasSuffix(problem.What, " is missing") {
					t.Errorf("%s:%d: %s", p.path, b.line+problem.Line, problem.What)
				}
			}
		}
	}
	if inventories < 5 || parts < 2 {
		t.Errorf("only %d inventories and %d parts were found", inventories, parts)
	}
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spans gives the inline code of a page, also where it goes on in the next line.
func (p page) spans() []string {
	var out []string
	for paragraph := range strings.SplitSeq(p.prose, "\n\n") {
		for _, m := range codeSpan.FindAllStringSubmatch(strings.Join(strings.Fields(paragraph), " "), -1) {
			out = append(out, m[1])
		}
	}
	return out
}

func TestCommandsInTheDocsParse(t *testing.T) {
	found := 0
	check := func(where, line string) {
		found++
		t.Run(where, func(t *testing.T) { checkParses(t, placeholders(line)) })
	}
	for _, p := range pages(t) {
		for _, span := range p.spans() {
			if line, ok := strings.CutPrefix(span, "nixdeploy "); ok {
				check(p.path, line)
			}
		}
		for _, b := range p.blocks {
			for line := range strings.Lines(b.text) {
				where := fmt.Sprintf("%s:%d", p.path, b.line)
				if b.lang != "sh" {
					for _, r := range recommended(line) {
						check(where, r)
					}
					continue
				}
				line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
				line = strings.TrimPrefix(strings.TrimSpace(line), "go run ./cmd/")
				if line, ok := strings.CutPrefix(line, "nixdeploy "); ok {
					check(where, line)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d commands were found: does the search still work?", found)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are a page's headings as a forge names them in a link.
func (p page) anchors() []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(p.prose, -1) {
		out = append(out, strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	all := pages(t)
	byPath := map[string]page{}
	for _, p := range all {
		byPath[p.path] = p
	}
	linked := map[string]bool{"README.md": true}
	for _, p := range all {
		for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(p.path), file)
			if file == "" {
				target = p.path
			}
			linked[target] = true
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere: %v", p.path, m[1], err)
			} else if anchor != "" && !slices.Contains(byPath[target].anchors(), anchor) {
				t.Errorf("%s: %s: the page has no such heading, but %q", p.path, m[1], byPath[target].anchors())
			}
		}
	}
	for _, p := range all {
		if !linked[p.path] {
			t.Errorf("no page leads to %s", p.path)
		}
	}
}

func TestFilesNamedInTheDocsAreThere(t *testing.T) {
	named := regexp.MustCompile(`^(cmd|deploy|flake|inventory|scripts|docs)/[A-Za-z0-9_./-]+$`)
	for _, p := range pages(t) {
		for _, span := range p.spans() {
			if named.MatchString(span) {
				if _, err := os.Stat(filepath.Join(root, span)); err != nil {
					t.Errorf("%s names %s: %v", p.path, span, err)
				}
			}
		}
	}
}

// table gives the rows below a heading of a page, without the table's own head.
func (p page) table(t *testing.T, below string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut("\n"+p.prose, "\n"+below+"\n")
	if !ok {
		t.Fatalf("%s has no %q", p.path, below)
	}
	var out [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "|") {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			out = append(out, cells)
		} else if strings.HasPrefix(line, "#") {
			break
		}
	}
	if len(out) < 3 {
		t.Fatalf("%s has no table below %q", p.path, below)
	}
	return out[2:]
}

func TestTheExitCodesOfTheDocsAreThoseOfTheProgram(t *testing.T) {
	p := pageCalled(t, "docs/exit-codes.md")
	var got []exit
	for _, row := range p.table(t, "# Exit codes") {
		code, err := strconv.Atoi(row[0])
		if err != nil {
			t.Errorf("%q is no exit code", row[0])
		}
		got = append(got, exit{code, row[1]})
	}
	if !slices.Equal(got, exits()) {
		t.Errorf("the page has\n%v\nthe program\n%v", got, exits())
	}
	for _, topic := range topics() {
		if topic.name == "exit-codes" {
			lines := strings.Split(strings.TrimSpace(topic.text), "\n")
			if order := lines[len(lines)-1]; !strings.Contains(p.prose, order) {
				t.Errorf("the page does not say: %s", order)
			}
		}
	}
}

func TestTheGlossaryDefinesEachWordOnce(t *testing.T) {
	words := strings.Split("host,target,adopt,stage,gate,approval,window,freeze,wave,canary,flake,toplevel,closure,difference,profile,package profile,generation,"+
		"running system,booted system,next-boot system,dry-build,dry-activate,test,switch,boot,activation,health check,soak,"+
		"guard,claim,confirm,return,rollback,record,plan,alike,blast radius,saved plan,run,event,journal,lock,drift,layer,home module", ",")
	words = append(words, constants(t, "deploy/deploy.go", "State")...)
	defined := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([^*]+)\*\*: `).FindAllStringSubmatch(pageCalled(t, "docs/glossary.md").prose, -1) {
		defined[m[1]]++
	}
	for _, w := range words {
		if defined[w] != 1 {
			t.Errorf("%q is defined %d times", w, defined[w])
		}
		delete(defined, w)
	}
	for w := range defined {
		t.Errorf("%q is defined, and is none of the words", w)
	}
}

// constants are the values of a file's constants of a type.
func constants(t *testing.T, path, typeName string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == typeName {
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(lit.Value)
					out = append(out, text)
				}
			}
		}
		return true
	})
	if len(out) < 5 {
		t.Fatalf("%s has only %d constants of type %s", path, len(out), typeName)
	}
	return out
}

func TestEveryErrorAndStateIsExplained(t *testing.T) {
	p := pageCalled(t, "docs/operations.md")
	explained := func(below string) []string {
		var out []string
		for _, row := range p.table(t, below) {
			out = append(out, strings.Trim(row[0], "`"))
		}
		return out
	}
	want, got := constants(t, "deploy/problem.go", "Code"), explained("## What each error means")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("the page explains the errors\n%v\nthe program has\n%v", got, want)
	}
	for _, state := range constants(t, "deploy/deploy.go", "State") {
		if !slices.Contains(p.spans(), state) {
			t.Errorf("the page does not explain the state %s", state)
		}
	}
}

// What the page says about an error is what the program says about it.
func TestTroubleshootingSaysWhatTheProgramSays(t *testing.T) {
	p := pageCalled(t, "docs/troubleshooting.md")
	h := inventory.Host{Name: "web-1", Attribute: "web-1"}
	found := 0
	for _, below := range []string{"## Options", "## Packages", "## Machines", "## Flake and inputs"} {
		for _, row := range p.table(t, below) {
			found++
			said, want := strings.Trim(row[0], "`"), strings.ReplaceAll(row[1], "`", "")
			if got := nixerror.Hint([]string{"error: " + said}, h); got != want {
				t.Errorf("%s\nthe page says    %s\nthe program says %s", said, want, got)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d errors were found", found)
	}
}

// The guard's table in the architecture decides as the model's, which another
// test holds against the script's.
func TestTheGuardsTableInTheDocsIsTheGuards(t *testing.T) {
	rows := pageCalled(t, "docs/architecture.md").table(t, "## The guard's table")
	for _, claim := range []string{"none", "confirm", "return"} {
		for _, result := range []string{"none", "confirmed", "returned", "stranded"} {
			for _, due := range []string{"no", "yes"} {
				for _, system := range []string{"new", "other"} {
					seen := []string{claim, result, due, system}
					want := string(simfleet.Decide(claim, result, due == "yes", system))
					if got := firstRow(rows, seen); got != want {
						t.Errorf("%v: the page says %q, the guard does %q", seen, got, want)
					}
				}
			}
		}
	}
}

// firstRow is the first word of the action in the first row that matches.
func firstRow(rows [][]string, seen []string) string {
	for _, row := range rows {
		matches := true
		for i, word := range seen {
			matches = matches && (row[i] == "any" || row[i] == word)
		}
		if matches {
			return strings.Trim(strings.Fields(row[4])[0], ":")
		}
	}
	return "hold"
}

func TestVariablesNamedInTheDocsAreRead(t *testing.T) {
	help := ""
	for _, topic := range topics() {
		help += topic.text
	}
	for _, p := range pages(t) {
		for _, v := range regexp.MustCompile(`\bNIXDEPLOY_[A-Z_]+`).FindAllString(p.prose, -1) {
			if !strings.Contains(help, v) {
				t.Errorf("%s names %s, which help environment does not", p.path, v)
			}
		}
	}
}

// What differs from one demo to the next.
var varying = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}|flake [0-9a-f]{8}| after \d+s| in \d+s|dev-\d[ ,]dev-\d|\d+ tries|[0-9a-z]{8}…`)

// alike makes one line of a text, without what varies.
func alike(text string) string {
	return varying.ReplaceAllString(strings.Join(strings.Fields(text), " "), "~")
}

// The picture in the README is made of what the demo prints.
// What help says of the environment is all that the program asks it for.
func TestHelpHasEveryVariableThatIsRead(t *testing.T) {
	asked := regexp.MustCompile(`(?i)getenv\("([A-Z_]+)"\)`)
	at := slices.IndexFunc(topics(), func(t topic) bool { return t.name == "environment" })
	for _, folder := range []string{".", "../../deploy/remote", "../../deploy/journal"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
				if !strings.HasSuffix(f, "_test.go") && !strings.Contains(topics()[at].text, m[1]) {
					t.Errorf("%s reads %s, which help environment does not name", f, m[1])
				}
			}
		}
	}
}

func TestThePictureInTheReadmeIsTheDemo(t *testing.T) {
	var stdout, stderr strings.Builder
	app := App{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(),
		Environ: []string{"LANG=C.UTF-8", "TERM=xterm", "HOME=" + t.TempDir()}, Terminal: Terminal{Out: true, Err: true},
	}
	if code := app.Run(t.Context(), []string{"demo", "--no-color"}); code != 0 {
		t.Fatalf("the demo ended with %d:\n%s%s", code, stdout.String(), stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), "\x1b[") {
		t.Error("--no-color is not for what the demo runs")
	}
	if code := app.Run(t.Context(), []string{"demo", "--json"}); code != 2 {
		t.Errorf("a story as JSON: %d", code)
	}
	printed := alike(stdout.String()) + " ... " + alike(stderr.String())
	found := 0
	for _, b := range pageCalled(t, "README.md").blocks {
		if b.lang != "text" {
			continue
		}
		for line := range strings.Lines(b.text) {
			found++
			if !strings.Contains(printed, alike(line)) {
				t.Errorf("the demo does not print: %s", line)
			}
		}
	}
	if found < 20 {
		t.Errorf("the picture has only %d lines", found)
	}
}
