package remote

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// configBlock is a part of an ssh_config file that sets something that counts.
type configBlock struct {
	patterns []string // of Host; nil: may apply to every host
	keywords []string // lower case
	// own says that what the block sets depends on the host by more than its
	// patterns: Match, or a % token in a value.
	own bool
}

// relevantKeywords are those that nixdeploy heeds, and those that change to
// whom the others apply.
var relevantKeywords = []string{
	"hostname", "user", "port", "hostkeyalias",
	"identityfile", "identitiesonly", "identityagent",
	"proxyjump", "proxycommand",
	"userknownhostsfile", "globalknownhostsfile",
	"canonicalizehostname",
}

// maxIncludes is OpenSSH's own limit on the depth of Include.
const maxIncludes = 16

// scanConfig finds the blocks of a file and of those that it includes. It only
// has to find all that may count, since "ssh -G" then decides: a file that
// cannot be read sets nothing for ssh either.
func scanConfig(file, home string) []configBlock {
	s := configScan{home: home, base: filepath.Dir(file)}
	s.file(file, configBlock{}, 0)
	return slices.DeleteFunc(s.blocks, func(b configBlock) bool { return len(b.keywords) == 0 })
}

type configScan struct {
	home, base string
	blocks     []configBlock
}

// file reads one file; what stands before its first Host or Match belongs to
// the block that includes it.
func (s *configScan) file(name string, within configBlock, depth int) {
	data, err := os.ReadFile(name)
	if err != nil || depth > maxIncludes {
		return
	}
	current := within
	for line := range strings.Lines(string(data)) {
		keyword, args := configLine(line)
		switch keyword {
		case "":
		case "host":
			s.blocks = append(s.blocks, current)
			current = configBlock{patterns: args}
		case "match":
			s.blocks = append(s.blocks, current)
			current = configBlock{own: true}
		case "include":
			for _, pattern := range args {
				for _, included := range s.glob(pattern) {
					s.file(included, configBlock{patterns: current.patterns, own: current.own}, depth+1)
				}
			}
		default:
			if slices.Contains(relevantKeywords, keyword) {
				current.keywords = append(slices.Clone(current.keywords), keyword)
				current.own = current.own || strings.Contains(strings.Join(args, " "), "%") || keyword == "canonicalizehostname"
			}
		}
	}
	s.blocks = append(s.blocks, current)
}

// glob finds the files of an Include, relative to where ssh looks.
func (s *configScan) glob(pattern string) []string {
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
		pattern = filepath.Join(s.home, rest)
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(s.base, pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	return files
}

// configLine takes "Keyword args" or "Keyword=args" apart; quotes around an
// argument go. It is pure.
func configLine(line string) (keyword string, args []string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), nil
	}
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimPrefix(rest, "=")
	for word := range strings.FieldsSeq(rest) {
		args = append(args, strings.Trim(word, `"`))
	}
	return strings.ToLower(line[:end]), args
}

// blocksFor lists the blocks that may apply to a host, by index; shared says
// that they mean the same for every host to which just these apply. It is pure.
func blocksFor(blocks []configBlock, host string) (relevant []int, shared bool) {
	shared = true
	for i, b := range blocks {
		if b.patterns != nil && !hostMatches(b.patterns, host) {
			continue
		}
		relevant = append(relevant, i)
		shared = shared && !b.own
	}
	return relevant, shared
}

// hostMatches follows ssh_config: one pattern must match, no negated one may.
func hostMatches(patterns []string, host string) bool {
	matched := false
	for _, p := range patterns {
		p, negated := strings.CutPrefix(strings.ToLower(p), "!")
		// In a Host line only * and ? are special; path.Match's [ and \ are
		// not, and no name that safe lets through holds a slash.
		p = strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(p)
		if ok, err := path.Match(p, strings.ToLower(host)); err != nil || !ok {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

func keywordsOf(blocks []configBlock, relevant []int) map[string]bool {
	set := map[string]bool{}
	for _, i := range relevant {
		for _, k := range blocks[i].keywords {
			set[k] = true
		}
	}
	return set
}
