package flake

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateEvidence = flag.Bool("update-evidence", false, "write tree/options.txt and tree/packages.txt anew")

// walkOptions is a Nix function from configurations to the options that the
// flake's own files set, in any of them, under any condition and at any priority. Those of
// submodules are found where the stand-in evaluates one; every nixdeploy.*
// switch is turned on for it, so that nothing stays out of sight.
const walkOptions = `configurations: let
  inherit ((builtins.head (builtins.attrValues configurations))._module.specialArgs) inputs;
  inherit (inputs.nixpkgs) lib;
  # a part of a path: a store may lie anywhere
  root = "/" + builtins.unsafeDiscardStringContext (baseNameOf inputs.self.outPath) + "/";
  ours = file: let name = toString file; in
    (lib.hasInfix root name && !(lib.hasInfix "${root}hosts/" name))
    || name == "inventory.json" || lib.hasSuffix "facts.json" name;
  below = path: meta:
    if meta ? configuration then walk path meta.configuration.options
    else if meta ? attrs then lib.concatMap (below (path ++ [ "<name>" ])) (builtins.attrValues meta.attrs)
    else if meta ? list then lib.concatMap (below (path ++ [ "*" ])) meta.list
    else [ ];
  walk = path: options: lib.concatMap (o:
    if lib.any ours o.standInFiles then [ (here path o) ] ++ below (here path o) o.valueMeta else [ ])
    (lib.collectOptions options);
  # where an option is, with the names of what people call things left out
  here = path: o: path ++ lib.drop (lib.length path) o.loc;
  on = c: c.extendModules { modules = map (o: lib.setAttrByPath o.loc (lib.mkForce true))
    (lib.filter (o: (o.type.name or "") == "bool" && lib.last o.loc == "enable") (lib.collectOptions { inherit (c.options) nixdeploy; })); };
  declared = options: builtins.removeAttrs options [ "nixdeploy" ];
in lib.filter (name: !(lib.hasInfix ".nixdeploy." name)) (lib.unique (lib.concatMap (c: map lib.showOption (walk [ ] (declared (on c).options) ++ walk [ ] (declared c.options)))
  (builtins.attrValues configurations)))`

// treeOptions are the options that the tree sets on any of its targets, on any
// release, with either keeper of secrets.
func treeOptions(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for i, release := range releases {
		files, hosts, targets := map[string]string{}, object{}, object{}
		for _, target := range []string{"base", "wsl", "hetzner", "m1", "container"} {
			host := targetHost(target, object{
				"domain": "example.org", "timeZone": "Europe/Amsterdam", "locale": "en_US.UTF-8", "packageProfile": "full",
				"extraPackages": [][]string{{"htop"}}, "tcpPorts": []int{80}, "udpPorts": []int{53}, "system": "x86_64-linux",
			})
			hosts[target+"-1"] = withDisks(files, host)
			host["overrides"] = []object{
				{"path": []string{"nixdeploy", "desktop", "remoteAccess", "vnc", "user"}, "priority": "plain", "value": "alice", "file": "hosts.toml"},
				{"path": []string{"nixdeploy", "desktop", "remoteAccess", "vnc", "passwordFile"}, "priority": "plain", "value": "/run/vnc", "file": "hosts.toml"},
			}
			targets[target] = object{"configuration": target, "target": target}
		}
		for name, facts := range map[string]object{
			"efi":      {"firmware": "efi", "boot_loader": "grub", "mounts": object{"/boot": object{"device": "/dev/sda1", "type": "vfat"}}},
			"extlinux": {"boot_loader": "extlinux"},
			"unknown":  {"boot_loader": "unknown", "boot_devices": []string{"/dev/sda", "/dev/sdb"}},
			"as-root":  {"user": object{"name": "root", "keys": []string{"ssh-ed25519 CCCC op@example.org"}}},
		} {
			base := targetFacts("hetzner")
			maps.Copy(base, facts)
			hosts[name] = targetHost("base", object{"hostName": name, "facts": base, "elevate": "doas"})
		}
		secrets := []string{"sops-nix", "agenix"}[i%2]
		dir := layTree(t, release, object{"hosts": hosts, "targets": targets, "secrets": secrets}, files)
		var list []string
		readTree(t, dir, "nixosConfigurations", walkOptions, &list)
		for _, name := range list {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

var (
	nixComment  = regexp.MustCompile(`(?m)(^|\s)#.*$`)
	ofPackages  = regexp.MustCompile(`(?:^|[^.\w-])pkgs((?:\.[A-Za-z_][\w'-]*)+)`)
	withScope   = regexp.MustCompile(`with\s+pkgs((?:\.[A-Za-z_][\w'-]*)*)\s*;\s*\[([^\]]*)\]`)
	inheritFrom = regexp.MustCompile(`inherit\s*\(pkgs((?:\.[A-Za-z_][\w'-]*)*)\)([^;]*);`)
	nixPath     = regexp.MustCompile(`^[A-Za-z_][\w'-]*(\.[A-Za-z_][\w'-]*)*$`)
)

// treePackages are the attributes of pkgs that the text of the tree names.
func treePackages(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	err := fs.WalkDir(tree, "tree", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".nix") {
			return err
		}
		data, err := tree.ReadFile(path)
		if err != nil {
			return err
		}
		text := nixComment.ReplaceAllString(string(data), "")
		for _, m := range ofPackages.FindAllStringSubmatch(text, -1) {
			found[m[1][1:]] = true
		}
		for _, scope := range []*regexp.Regexp{withScope, inheritFrom} {
			for _, m := range scope.FindAllStringSubmatch(text, -1) {
				for name := range strings.FieldsSeq(m[2]) {
					if !nixPath.MatchString(name) {
						t.Errorf("%s: cannot tell what %q in a list with pkgs is", path, name)
					}
					found[strings.TrimPrefix(m[1]+"."+name, ".")] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(found, func(name string, _ bool) bool {
		return name == "fleet" || strings.HasPrefix(name, "fleet.") // the tree's own
	})
	return slices.Sorted(maps.Keys(found))
}

const notLookedUp = "not looked up"

// standings are how a row begins, by what it shows of the two releases, and what
// the head of the lists says of such rows. The first that fits counts.
var standings = []struct {
	begins *regexp.Regexp
	says   string
}{
	{regexp.MustCompile(`^25\.11,26\.05 `), "looked up in 25.11 and in 26.05"},
	{regexp.MustCompile(`^(25\.11|26\.05)[:; ]`), "in one of the two"},
	{regexp.MustCompile(`^used in both: `), "in neither, but used by what others keep for each of the two"},
	{regexp.MustCompile(`^around both: `), "in neither, but where it is as old as 25.11 or older, and where it is newer than 26.05"},
	{regexp.MustCompile(`^no releases: `), "in an input that has no releases"},
	{regexp.MustCompile(`^no release: `), "only where the release is not established: count them as not looked up in either"},
	{regexp.MustCompile(`^` + notLookedUp + `$`), "not looked up at all"},
}

func standing(where string) int {
	for i, s := range standings {
		if s.begins.MatchString(where) {
			return i
		}
	}
	return -1
}

// evidence is a table of testdata/evidence: what begins with a name, and where
// that was found. The longest name wins. The lines about its sources come apart.
func evidence(t *testing.T, name string) (map[string]string, string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/evidence", name))
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	var sources strings.Builder
	for i, line := range strings.Split(string(data), "\n") {
		if source, ok := strings.CutPrefix(line, "#:"); ok {
			sources.WriteString("#" + source + "\n")
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, where, ok := strings.Cut(line, "\t")
		if !ok || table[key] != "" || strings.TrimSpace(where) == "" {
			t.Errorf("%s:%d: want a name that is new, a tab, and where it was found", name, i+1)
		}
		if standing(where) < 0 {
			t.Errorf("%s:%d: %q begins as none of standings does", name, i+1, where)
		}
		table[key] = where
	}
	return table, sources.String()
}

func foundIn(table map[string]string, name string) string {
	for part := name; part != ""; {
		if where := table[part]; where != "" {
			return where
		}
		i := strings.LastIndex(part, ".")
		if i < 0 {
			break
		}
		part = part[:i]
	}
	return notLookedUp
}

func checkEvidence(t *testing.T, file string, names []string) {
	t.Helper()
	table, sources := evidence(t, file)
	if t.Failed() {
		return
	}
	var want, rows strings.Builder
	count := make([]int, len(standings))
	for _, name := range names {
		where := foundIn(table, name)
		count[standing(where)]++
		rows.WriteString(name + "\t" + where + "\n")
	}
	want.WriteString("# What the tree names of NixOS, and where it was found. Written by:\n#   go test ./flake -run TestEvidence -update-evidence\n# from the tree itself and from flake/testdata/evidence/" + file + ", which people write.\n")
	fmt.Fprintf(&want, "# Of %d names:\n", len(names))
	for i, s := range standings {
		fmt.Fprintf(&want, "# %4d %s\n", count[i], s.says)
	}
	want.WriteString(sources + rows.String())
	path := filepath.Join("tree", file)
	if *updateEvidence {
		if err := os.WriteFile(path, []byte(want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have := strings.Split(string(got), "\n")
	should := strings.Split(want.String(), "\n")
	for _, line := range should {
		if !slices.Contains(have, line) {
			t.Errorf("%s lacks %q: run go test ./flake -run TestEvidence -update-evidence", path, line)
		}
	}
	for _, line := range have {
		if !slices.Contains(should, line) {
			t.Errorf("%s has %q, which the tree does not: run go test ./flake -run TestEvidence -update-evidence", path, line)
		}
	}
}

// Every option that the tree sets is in tree/options.txt, with where it was
// looked up, and nothing else is.
func TestEvidenceOfOptions(t *testing.T) {
	needNix(t, "nix")
	names := treeOptions(t)
	for _, sure := range []string{"services.openssh.enable", "users.users.<name>.isNormalUser", "fileSystems.<name>.fsType", "services.xrdp.enable", "wsl.enable"} {
		if !slices.Contains(names, sure) {
			t.Errorf("the walk over the options does not see %s", sure)
		}
	}
	checkEvidence(t, "options.txt", names)
}

// The same for packages.
func TestEvidenceOfPackages(t *testing.T) {
	names := treePackages(t)
	for _, sure := range []string{"gitMinimal", "mariadb.client", "dockerTools.fakeNss", "coreutils"} {
		if !slices.Contains(names, sure) {
			t.Errorf("the walk over the packages does not see %s", sure)
		}
	}
	checkEvidence(t, "packages.txt", names)
}

// Everything of tree/ is rendered, but for the two lists.
func TestTreeIsEmbeddedWithoutItsLists(t *testing.T) {
	lists := []string{"options.txt", "packages.txt"}
	err := filepath.WalkDir("tree", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, missing := fs.Stat(tree, filepath.ToSlash(path))
		if list := slices.Contains(lists, filepath.Base(path)); list == (missing == nil) {
			t.Errorf("%s: a list is %v, and rendered is %v: see the embed patterns of render.go", path, list, missing == nil)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
