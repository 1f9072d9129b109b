package main

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	commandLine = regexp.MustCompile(`\bnixdeploy ((?:[a-z][a-z-]*|--?[a-z][a-z-]*)(?: .*)?)`)
	// lineEnd is where a command line in a sentence ends.
	lineEnd = regexp.MustCompile("; |  +| · |\\)| \\(|`|: |, then|\\.$|\\. |\\?$| to | is |\\n|\",?$")
)

// recommended finds the command lines that a text recommends: "nixdeploy" and
// the name of a command, up to where the sentence goes on.
func recommended(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Usage: ") || strings.HasPrefix(line, "{") { // a grammar; JSON
			continue
		}
		m := commandLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		words := m[1]
		if end := lineEnd.FindStringIndex(words); end != nil {
			words = words[:end[0]]
		}
		if first, _, _ := strings.Cut(words, " "); slices.Contains(commandNames(), first) {
			out = append(out, words)
		}
	}
	return out
}

// checkParses has the real CLI parse a line, doing nothing.
func checkParses(t *testing.T, line string) {
	t.Helper()
	words, ok := splitShell(line)
	if !ok {
		t.Errorf("recommended, and no shell reads it: nixdeploy %s", line)
		return
	}
	var said strings.Builder
	app := App{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &said, parseOnly: true}
	if code := app.Run(context.Background(), words); code != 0 {
		t.Errorf("recommended, and refused: nixdeploy %s\n%s", line, said.String())
	}
}

// splitShell splits a line as a POSIX shell does, for words and '...'.
func splitShell(line string) (words []string, ok bool) {
	var word strings.Builder
	inWord, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			quoted, inWord = !quoted, true
		case !quoted && c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			inWord = true
		case !quoted && c == ' ':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, !quoted
}

func TestShellLinesAreReadBackAsTheWords(t *testing.T) {
	for _, words := range [][]string{{"a", "b c"}, {"it's", "$(x)", "*"}, {"", "!x"}} {
		got, ok := splitShell(shellLine(words...))
		if !ok || !slices.Equal(got, words) {
			t.Errorf("%q became %q", words, got)
		}
	}
}

func TestExamplesOfHelpParse(t *testing.T) {
	for _, c := range commands() {
		if len(c.examples) == 0 {
			t.Errorf("%s has no example", c.name)
		}
		for _, e := range c.examples {
			checkParses(t, e)
		}
	}
}

// TestEveryCommandThatTheProgramRecommendsParses reads the string literals of
// the whole repository: whatever room words a way on, the real CLI has to take
// it. In a field called Next or Hint, "nixdeploy WORD" is always a command.
func TestEveryCommandThatTheProgramRecommendsParses(t *testing.T) {
	found := 0
	check := func(where, text string, mustBeCommand bool) {
		text = strings.NewReplacer("%s", "x", "%d", "1", "%q", "x", "%v", "x").Replace(text)
		if strings.HasSuffix(text, " ") { // a value follows
			text += "x"
		}
		for _, line := range recommended(text) {
			found++
			t.Run(where, func(t *testing.T) { checkParses(t, placeholders(line)) })
		}
		if m := commandLine.FindStringSubmatch(text); m != nil && mustBeCommand && len(recommended(text)) == 0 {
			t.Errorf("%s recommends what is no command: nixdeploy %s", where, m[1])
		}
	}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
				return fs.SkipDir
			}
			return err
		}
		switch {
		case strings.HasSuffix(path, "_test.go"):
		case strings.HasSuffix(path, ".go"):
			return eachLiteral(path, check)
		case strings.HasSuffix(path, ".golden"):
			text, err := os.ReadFile(path)
			check(path, string(text), false)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("only %d recommended commands were found: does the search still work?", found)
	}
}

// eachLiteral gives each string literal of a Go file.
func eachLiteral(path string, check func(where, text string, mustBeCommand bool)) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	next := map[ast.Node]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "Next" || k.Name == "Hint") {
				next[n.Value] = true
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				check(files.Position(n.Pos()).String(), text, next[n])
			}
		}
		return true
	})
	return nil
}

// placeholders fills in what a usage line names in capitals.
func placeholders(line string) string {
	return regexp.MustCompile(`\b(COMMAND|DIR|FILE|HOST|NAMES?|PATH|RUN|STAGE|TOPIC)\b`).ReplaceAllString(line, "x")
}
