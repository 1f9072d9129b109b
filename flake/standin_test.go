package flake

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// standInLet is what the expressions of these tests begin with: lib, and eval
// from a list of modules to an evaluation.
func standInLet(dir string) string {
	return `let lib = import (` + dir + ` + "/lib"); inherit (lib) types mkOption mkIf mkMerge mkDefault mkForce mkOverride mkOptionDefault mkBefore mkAfter mkOrder;
	opt = type: default: mkOption { inherit type default; };
	eval = modules: (lib.evalModules { inherit modules; }).config;
	strings = { options.x = mkOption { type = types.listOf types.str; default = [ "d" ]; }; };
	one = type: values: (eval ([ { options.x = mkOption { inherit type; }; } ] ++ map (x: { inherit x; }) values)).x;
	at = file: m: { _file = file; } // m;
	machine = modules: lib.nixosSystem { modules = [ {
	  nixpkgs.hostPlatform = "x86_64-linux"; system.stateVersion = "25.11"; boot.loader.grub.device = "/dev/sda";
	  fileSystems."/" = { device = "/dev/sda1"; fsType = "ext4"; };
	} ] ++ modules; };
	top = modules: (machine modules).config.system.build.toplevel.drvPath;
	in `
}

// The stand-in's module system decides what the tests of the tree mean, so it
// is held against what NixOS was seen to do with the same modules.
func TestStandInMerges(t *testing.T) {
	cases := []struct{ name, expr, want string }{
		{"later modules come first", `(eval [ strings { x = [ "1" ]; } { x = [ "2" ]; } { x = [ "3" ]; } ]).x`, `["3","2","1"]`},
		{"imports come before their importer", `(eval [ strings { imports = [ { x = [ "imp1" ]; } { x = [ "imp2" ]; } ]; x = [ "main" ]; } ]).x`, `["imp2","imp1","main"]`},
		{"a module that is imported twice counts once", `let m = { key = "m"; x = [ "m" ]; }; in (eval [ strings m { imports = [ m ]; } ]).x`, `["m"]`},
		{"disabled modules do not count", `(eval [ strings { key = "m"; x = [ "m" ]; } { disabledModules = [ { key = "m"; } ]; x = [ "n" ]; } ]).x`, `["n"]`},
		{"order within a priority", `(eval [ strings { x = mkMerge [ (mkAfter [ "after" ]) [ "plain" ] (mkBefore [ "before" ]) (mkOrder 1 [ "o1" ]) ]; } ]).x`, `["o1","before","plain","after"]`},
		{"plain drops a default list", `(eval [ strings { x = mkDefault [ "a" ]; } { x = [ "b" ]; } ]).x`, `["b"]`},
		{"two default lists join", `(eval [ strings { x = mkDefault [ "a" ]; } { x = mkDefault [ "b" ]; } ]).x`, `["b","a"]`},
		{"mkOptionDefault joins the option's default", `(eval [ strings { x = mkOptionDefault [ "a" ]; } ]).x`, `["d","a"]`},
		{"two forced lists join", `(eval [ strings { x = mkForce [ "a" ]; } { x = mkForce [ "b" ]; } { x = [ "c" ]; } ]).x`, `["b","a"]`},
		{"the lowest number wins", `one types.int [ (mkOverride 1400 1) (mkOverride 1350 2) (mkOverride 1300 3) (mkOverride 1500 4) ]`, `3`},
		{"default, plain, force", `map (one types.int) [ [ (mkDefault 1) (mkOverride 1100 2) ] [ (mkDefault 1) 2 ] [ 2 (mkForce 3) (mkDefault 1) ] ]`, `[1,2,3]`},
		{"mkIf false is as if not written", `(eval [ strings { x = mkIf false [ "a" ]; } ]).x`, `["d"]`},
		{"lines", `one types.lines [ "a" (mkBefore "b") ]`, `"b\na"`},
		{"commas", `one types.commas [ "a" "b" ]`, `"b,a"`},
		{"the same value twice", `one types.str [ "a" "a" ]`, `"a"`},
		{"sets join, each key by its own priority", `one (types.attrsOf types.int) [ { a = mkDefault 1; b = 2; } { a = 3; c = 4; } ]`, `{"a":3,"b":2,"c":4}`},
		{"a forced empty set drops other keys", `one (types.attrsOf types.int) [ (mkForce { }) { a = 3; } ]`, `{}`},
		{"a set's default is lost once one is defined", `(eval [ { options.x = opt (types.attrsOf types.int) { a = 1; }; } { x.b = 2; } ]).x`, `{"b":2}`},
		{"submodules join option by option", `one (types.attrsOf (types.submodule ({ name, ... }: { options = { n = opt types.str name; p = opt types.int 0; q = opt types.int 0; }; }))) [ { a.p = 1; } { a.q = mkForce 2; } { a.q = 3; } ]`, `{"a":{"n":"a","p":1,"q":2}}`},
		{"freeform takes other keys", `one (types.submodule { freeformType = types.attrsOf types.anything; options.p = opt types.int 7; }) [ { q.r = 1; } { q.s = 2; } ]`, `{"p":7,"q":{"r":1,"s":2}}`},
		{"anything merges deeply", `one types.anything [ { a.b = 1; } { a.c = mkForce 2; } { a.c = 3; } ]`, `{"a":{"b":1,"c":2}}`},
		{"specialArgs decide imports", `(lib.evalModules { specialArgs.yes = true; modules = [ strings ({ yes, lib, ... }: { imports = lib.optional yes { x = [ "a" ]; }; }) ]; }).config.x`, `["a"]`},
		{"_module.args reach modules", `(eval [ strings { _module.args.word = "w"; } ({ word, ... }: { x = [ word ]; }) ]).x`, `["w"]`},
		{"extendModules", `((lib.evalModules { modules = [ strings { x = [ "a" ]; } ]; }).extendModules { modules = [ { x = [ "b" ]; } ]; }).config.x`, `["b","a"]`},
		{"coercion", `one (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ "a" ]`, `["a"]`},
		{"nullOr either oneOf", `[ (one (types.nullOr types.str) [ null ]) (one (types.oneOf [ types.int types.str ]) [ "a" ]) ]`, `[null,"a"]`},
		{"where options were set", `let o = (lib.evalModules { modules = [ strings (at "f" { x = [ "a" ]; }) (at "g" { x = mkDefault [ "b" ]; }) ]; }).options.x; in { inherit (o) files highestPrio isDefined definitionsWithLocations; }`,
			`{"definitionsWithLocations":[{"file":"f","value":["a"]}],"files":["f"],"highestPrio":100,"isDefined":true}`},
		{"inside submodules, too", `(lib.evalModules { modules = [ { options.x = mkOption { type = types.attrsOf (types.submodule { options.p = mkOption { type = types.int; }; }); }; } (at "f" { x.a.p = 1; }) ]; }).options.x.valueMeta.attrs.a.configuration.options.p.files`, `["f"]`},
		{"a rename keeps value and priority", `let e = machine [ { boot.cleanTmpDir = mkForce true; boot.tmp.cleanOnBoot = false; } ]; in e.config.boot.tmp.cleanOnBoot`, `true`},
		{"NixOS in a container starts sshd on demand", `map (m: (machine [ m ]).config.services.openssh.startWhenNeeded) [ { boot.isContainer = true; } { } ]`, `[true,false]`},
		{"overlays, callPackage, an unfree package by its name", `let e = machine [ ({ pkgs, lib, ... }: {
			nixpkgs.overlays = [ (final: prev: { own = final.callPackage ({ jq }: jq.overrideAttrs { pname = "own"; }) { }; }) ];
			nixpkgs.config.allowUnfreePredicate = p: lib.getName p == "terraform";
			environment.systemPackages = lib.mkForce [ pkgs.own pkgs.terraform ];
		}) ]; in [ (map (p: p.name) e.config.environment.systemPackages) (lib.isString e.config.system.build.toplevel.drvPath) ]`, `[["own-1.0","terraform-1.0"],true]`},
	}
	var exprs []string
	for _, c := range cases {
		exprs = append(exprs, "("+c.expr+")")
	}
	out := nix(t, "eval", "--impure", "--json", "--expr", standInLet(abs(t, "testdata/nixpkgs"))+"["+strings.Join(exprs, "\n")+"]")
	var got []json.RawMessage
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if diff := cmp.Diff(c.want, string(got[i])); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// The words of NixOS: hints of nixdeploy are found by them.
func TestStandInRefuses(t *testing.T) {
	const both = "26.05" // as much in the other release
	cases := []struct{ name, release, expr, want string }{
		{"an option that nobody declared", both, `top [ (at "F" { networking.hostname = "x"; }) ]`,
			"The option `networking.hostname' does not exist. Definition values:\n- In `F': \"x\""},
		{"and what it may have meant", "26.05", `top [ { networking.hostname = "x"; } ]`, "Did you mean `networking.hostName', `networking.hostId' or `networking.hosts'?"},
		{"a namespace that nobody declared", both, `top [ (at "F" { servces.x.enable = true; }) ]`, "The option `servces' does not exist. Definition values:\n- In `F':\n{\nx = {\nenable = true;"},
		{"conflict", both, `(machine [ (at "F" { networking.hostName = "a"; }) (at "G" { networking.hostName = "b"; }) ]).config.networking.hostName`,
			"The option `networking.hostName' has conflicting definition values:\n- In `G': \"b\"\n- In `F': \"a\"\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions."},
		{"type", both, `top [ (at "F" { networking.firewall.enable = "yes"; }) ]`,
			"A definition for option `networking.firewall.enable' is not of type `boolean'. Definition values:\n- In `F': \"yes\""},
		{"type of a list", both, `top [ { networking.nameservers = "x"; } ]`, "is not of type `list of string'. TypeError: Definition values:"},
		{"type of an element", both, `top [ { networking.firewall.allowedTCPPorts = [ 70000 ]; } ]`,
			"A definition for option `networking.firewall.allowedTCPPorts.\"[definition 1-entry 1]\"' is not of type `16 bit unsigned integer; between 0 and 65535 (both inclusive)'."},
		{"type of an enum", both, `one (types.enum [ "yes" "no" ]) [ "x" ]`, "is not of type `one of \"yes\", \"no\"'."},
		{"type of null or", both, `top [ { boot.loader.timeout = "x"; } ]`, "is not of type `null or signed integer'."},
		{"anything with two lists", both, `one types.anything [ [ 1 ] [ 2 ] ]`, "The option `x' has conflicting definition values:"},
		{"null and a value", both, `one (types.nullOr types.str) [ null "a" ]`, "The option `x' is defined both null and not null"},
		{"no value", both, `(eval [ { options.x = mkOption { type = types.str; }; } ]).x`, "The option `x' was accessed but has no value defined. Try setting the option."},
		{"twice where once", both, `one types.raw [ 1 2 ]`, "The option `x' is defined multiple times while it's expected to be unique."},
		{"a condition that is none", both, `one types.int [ (mkIf "yes" 1) ]`, "‘mkIf’ called with a non-Boolean condition"},
		{"an unknown key of a submodule", both, `one (types.attrsOf (types.submodule { options.p = opt types.int 0; })) [ { a.q = 1; } ]`, "The option `x.a.q' does not exist."},
		{"a removed option", both, `top [ (at "F" { sound.enable = true; }) ]`,
			"Failed assertions:\n- The option definition `sound.enable' in `F' no longer has any effect; please remove it."},
		{"a removed option, read", both, `(machine [ ]).config.sound.enable`, "The option `sound.enable' can no longer be used since it's been removed."},
		{"an option that 26.05 removed", "26.05", `top [ { services.openssh.banner = "x"; } ]`, "The option definition `services.openssh.banner' in"},
		{"an option that came with 26.05", "25.11", `top [ { services.displayManager.plasma-login-manager.enable = true; } ]`, "The option `services.displayManager.plasma-login-manager' does not exist."},
		{"a file system without a type", "26.05", `top [ { fileSystems."/x".device = "/dev/x"; } ]`, "The option `fileSystems.\"/x\".fsType' was accessed but has no value defined."},
		{"no root file system", both, `top [ { fileSystems = lib.mkForce { }; } ]`, "The ‘fileSystems’ option does not specify your root file system."},
		{"no boot loader", both, `top [ { boot.loader.grub.device = lib.mkForce ""; } ]`, "You must set the option ‘boot.loader.grub.devices’ or 'boot.loader.grub.mirroredBoots' to make the system bootable."},
		{"nobody may log in", both, `top [ { users.mutableUsers = false; } ]`, "Neither the root account nor any wheel user has a password or SSH authorized key."},
		{"a user of no kind", both, `top [ { users.users.bob = { }; } ]`, "Exactly one of users.users.bob.isSystemUser and users.users.bob.isNormalUser must be set."},
		{"two users with one uid", both, `top [ { users.users = lib.genAttrs [ "ann" "bob" ] (_: { isNormalUser = true; group = "users"; uid = 1000; }); } ]`, "UIDs and GIDs must be unique!"},
		{"two sound servers", both, `top [ { services.pipewire = { enable = true; pulse.enable = true; }; services.pulseaudio.enable = true; } ]`, "Using PipeWire as the sound server conflicts with PulseAudio."},
		{"a module argument that nobody gives", both, `(eval [ strings ({ inputs, ... }: { x = inputs; }) ]).x`, "attribute 'inputs' missing"},
		{"config beside options", both, `eval [ (at "F" { options = { }; services = { }; }) ]`, "Module `F' has an unsupported attribute `services'. This is caused by introducing a top-level `config' or `options' attribute."},
		{"a flake as a module", both, `eval [ { _type = "flake"; } ]`, "Expected a module, but found a value of type \"flake\", while trying to load a module into"},
		{"another class", both, `machine [ (at "F" { _class = "homeManager"; }) ]`, "The module `F` (class: \"homeManager\") cannot be imported into a module evaluation that expects class \"nixos\"."},
		{"an unfree package", both, `top [ ({ pkgs, ... }: { environment.systemPackages = [ pkgs.terraform ]; }) ]`, "Refusing to evaluate package 'terraform-1.0' in"},
		{"a package for another platform", both, `top [ ({ pkgs, ... }: { nixpkgs.hostPlatform = lib.mkForce "aarch64-linux"; nixpkgs.config.allowUnfree = true; environment.systemPackages = [ pkgs.google-chrome ]; }) ]`, "because it is not available on the requested hostPlatform"},
		{"a package that is gone", "26.05", `top [ ({ pkgs, ... }: { environment.systemPackages = [ pkgs.neofetch ]; }) ]`, "'neofetch' has been removed"},
		{"a package that never was", both, `top [ ({ pkgs, ... }: { environment.systemPackages = [ pkgs.nosuchpkg ]; }) ]`, "attribute 'nosuchpkg' missing"},
	}
	needNix(t, "nix")
	dirs := map[string]string{"25.11": standInRelease(t, "25.11"), "26.05": standInRelease(t, "26.05")}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := nixTry(t, "eval", "--impure", "--json", "--expr", standInLet(dirs[c.release])+"builtins.deepSeq ("+c.expr+") 1")
			if err == nil {
				t.Fatal("no error")
			}
			if text := unindented(err.Error()); !strings.Contains(text, c.want) {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
}

// unindented is text without the spaces that lines begin with: how far Nix
// indents depends on its version.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// What one release has and the other does not is fine in its own.
func TestStandInOfARelease(t *testing.T) {
	needNix(t, "nix")
	for release, modules := range map[string]string{
		"25.11": `[ { services.openssh.banner = "x"; systemd.sleep.extraConfig = "x"; services.resolved.dnssec = "false"; fileSystems."/x".device = "/dev/x"; } ({ pkgs, ... }: { environment.systemPackages = [ pkgs.neofetch pkgs.xorg.xinit ]; }) ]`,
		"26.05": `[ { services.openssh.settings.Banner = "x"; systemd.sleep.settings.Sleep.AllowSuspend = false; services.resolved.settings.Resolve.DNSSEC = false; system.switch.inhibitors.x = "y"; } ({ pkgs, ... }: { environment.systemPackages = [ pkgs.fastfetch pkgs.xinit ]; }) ]`,
	} {
		nix(t, "eval", "--impure", "--json", "--expr", standInLet(standInRelease(t, release))+"top "+modules)
	}
}

// A module of the user's with an option that does not exist, or that the
// release removed, keeps the system from evaluating: that is what a golden file
// of the tree is worth.
func TestPlantedOptionsAreErrors(t *testing.T) {
	files := map[string]string{
		"misspelt.nix": `{ services.openssh.enabel = true; }`,
		"removed.nix":  `{ services.openssh.banner = "welcome"; }`,
		"at-home.nix":  `{ home-manager.users.alice.programs.git.enabel = true; }`,
	}
	hosts := object{}
	for _, name := range []string{"sound", "misspelt", "removed", "at-home"} {
		host := object{"hostName": name}
		if name != "sound" {
			host["modules"] = []string{name + ".nix"}
		}
		hosts[name] = withDisks(files, targetHost("hetzner", host))
	}
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)
	for name, want := range map[string]string{
		"sound":    "",
		"misspelt": "The option `services.openssh.enabel' does not exist.",
		"removed":  "The option definition `services.openssh.banner' in",
		"at-home":  "The option `home-manager.users.alice.programs.git.enabel' does not exist.",
	} {
		_, err := tryTree(t, dir, "nixosConfigurations."+name, "c: c.config.system.build.toplevel.drvPath")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
