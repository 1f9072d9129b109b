package flake

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layered is an option that one layer of the tree sets, on a target where it
// has the last word among the layers.
type layered struct {
	layer, target, path string
	has                 any // what the layer says
	other               []any
}

// Whatever a layer says, each of the three priorities of hosts.toml replaces,
// and among themselves they win as the architecture says.
func TestOverridesWinOverEveryLayer(t *testing.T) {
	options := []layered{
		{"base", "hetzner", "time.timeZone", "UTC", []any{"Default/One", "Plain/Two", "Force/Three"}},
		{"hardware", "hetzner", "boot.loader.timeout", 3.0, []any{11.0, 12.0, 13.0}},
		{"service", "hetzner", "services.fail2ban.maxretry", 5.0, []any{11.0, 12.0, 13.0}},
		{"desktop", "hetzner", "services.xrdp.defaultWindowManager", "xfce4-session", []any{"one", "two", "three"}},
		{"target", "hetzner", "nixdeploy.packageProfile", "full", []any{"minimal", "essential", "development"}},
		{"host", "hetzner", "networking.hostName", "named", []any{"one", "two", "three"}},
		{"host, by its facts", "hetzner", "system.stateVersion", "25.11", []any{"23.05", "23.11", "24.05"}},
	}
	cases := map[string][]int{ // by name of a host, which of the three say something
		"none": {}, "default": {0}, "plain": {1}, "force": {2},
		"default-plain": {0, 1}, "default-force": {0, 2}, "plain-force": {1, 2}, "all": {0, 1, 2},
	}
	priorities := []string{"default", "plain", "force"}

	files, hosts := map[string]string{}, object{}
	for name, sayers := range cases {
		overrides := []object{}
		for _, option := range options {
			for _, i := range sayers {
				overrides = append(overrides, object{
					"path": strings.Split(option.path, "."), "priority": priorities[i], "value": option.other[i],
					"file": "hosts.toml, override of " + name,
				})
			}
		}
		hosts[name] = withDisks(files, targetHost("hetzner", object{"hostName": "named", "overrides": overrides}))
	}
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)

	var fields []string
	for i, option := range options {
		fields = append(fields, fmt.Sprintf("o%d = c.config.%s;", i, option.path))
	}
	var got map[string]map[string]any
	readTree(t, dir, "nixosConfigurations", "builtins.mapAttrs (_: c: { "+strings.Join(fields, " ")+" })", &got)
	for name, sayers := range cases {
		for i, option := range options {
			want := option.has
			if len(sayers) > 0 {
				want = option.other[sayers[len(sayers)-1]]
			}
			if is := got[name][fmt.Sprintf("o%d", i)]; !cmp.Equal(is, want) {
				t.Errorf("%s, set by layer %s, with override %s: %v, want %v", option.path, option.layer, name, is, want)
			}
		}
	}
}

// The layers of the tree among themselves, in the order of the architecture:
// of two that set an option, the later one wins.
func TestLayersWinInTheirOrder(t *testing.T) {
	needNix(t, "nix")
	order := []string{"placeholder", "base", "hardware", "service", "desktop", "target", "host"}
	expr := `let lib = (import ` + abs(t, "testdata/nixpkgs") + `/lib); layer = import ` + abs(t, "tree/lib/priorities.nix") + ` lib;
	  wins = a: b: (lib.evalModules { modules = [ { options.x = lib.mkOption { type = lib.types.str; default = "option"; }; }
	    { x = layer.${a} a; } { x = layer.${b} b; } ]; }).config.x;
	  alone = a: (lib.evalModules { modules = [ { options.x = lib.mkOption { type = lib.types.str; default = "option"; }; } { x = layer.${a} a; } ]; }).config.x;
	  names = [ "` + strings.Join(order, `" "`) + `" ];
	in { pairs = map (a: map (b: if a == b then a else wins a b) names) names; alone = map alone names; }`
	var got struct {
		Pairs [][]string
		Alone []string
	}
	readExpr(t, expr, &got)
	if !cmp.Equal(got.Alone, order) {
		t.Errorf("a layer has to win over an option's own default: %v", got.Alone)
	}
	for i := range order {
		for j := range order {
			if want := order[max(i, j)]; got.Pairs[i][j] != want {
				t.Errorf("%s against %s: %s wins, want %s", order[i], order[j], got.Pairs[i][j], want)
			}
		}
	}
}

// Where layers of one target meet at an option, and where the tree has to win
// over a mkDefault of NixOS's own.
func TestLayersMeet(t *testing.T) {
	files, hosts := map[string]string{}, object{}
	override := func(priority, path string, value any) object {
		return object{"path": strings.Split(path, "."), "priority": priority, "value": value, "file": "hosts.toml"}
	}
	hosts["m1"] = withDisks(files, targetHost("m1", object{"packageProfile": "minimal", "timeZone": "Europe/Amsterdam"}))
	hosts["box"] = targetHost("container", nil)
	hosts["weak"] = targetHost("container", object{"overrides": []object{override("default", "services.openssh.startWhenNeeded", true)}})
	hosts["plain"] = targetHost("container", object{"overrides": []object{override("plain", "services.openssh.startWhenNeeded", true)}})
	hosts["wsl"] = targetHost("wsl", nil)
	hosts["seat"] = withDisks(files, targetHost("hetzner", nil))
	hosts["radio"] = withDisks(files, targetHost("hetzner", object{"hostName": "radio", "overrides": []object{
		override("default", "hardware.bluetooth.enable", true), override("default", "networking.networkmanager.enable", true),
		override("plain", "services.orca.enable", true),
	}}))
	arm := targetHost("base", object{"system": "aarch64-linux", "facts": targetFacts("m1"), "hostName": "arm", "modules": []string{"hardware.nix"}})
	files["hardware.nix"] = strings.Replace(disks, "{", `{ lib, ... }: { nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";`, 1)
	hosts["arm"] = arm
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)
	got := map[string]any{}
	readTree(t, dir, "nixosConfigurations", `cs: {
	  "hardware over base" = cs.m1.config.boot.loader.systemd-boot.configurationLimit;
	  "target over desktop" = cs.m1.config.services.printing.enable;
	  "host over target" = cs.m1.config.nixdeploy.packageProfile;
	  "host over base" = cs.m1.config.time.timeZone;
	  "service over base" = cs.box.config.services.fstrim.enable;
	  "target over service" = cs.wsl.config.virtualisation.docker.enable;
	  "tree over NixOS's mkDefault" = cs.box.config.services.openssh.startWhenNeeded;
	  "override.default under it" = cs.weak.config.services.openssh.startWhenNeeded;
	  "a plain override over it" = cs.plain.config.services.openssh.startWhenNeeded;
	  "nobody sits at hetzner" = with cs.seat.config; [ hardware.bluetooth.enable networking.networkmanager.enable services.fwupd.enable services.geoclue2.enable
	    services.orca.enable services.power-profiles-daemon.enable programs.kde-pim.enable ];
	  "unless hosts.toml says so" = with cs.radio.config; [ hardware.bluetooth.enable networking.networkmanager.enable services.orca.enable ];
	  "hosts.toml's system over hardware.nix's mkDefault" = cs.arm.pkgs.stdenv.hostPlatform.system;
	}`, &got)
	want := map[string]any{
		"hardware over base": 5.0, "target over desktop": true, "host over target": "minimal", "host over base": "Europe/Amsterdam",
		"service over base": false, "target over service": false,
		"tree over NixOS's mkDefault": false, "override.default under it": false, "a plain override over it": true,
		"nobody sits at hetzner":                            []any{false, false, false, false, false, false, false},
		"unless hosts.toml says so":                         []any{true, true, true},
		"hosts.toml's system over hardware.nix's mkDefault": "aarch64-linux",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Lists add up over the layers, hosts.toml and a module of the user's; mkForce
// alone replaces them. A name with a dot is one name.
func TestListsGrowAndNamesKeepTheirDots(t *testing.T) {
	files := map[string]string{
		"modules/custom/web.nix": `{ networking.firewall.allowedTCPPorts = [ 8080 ]; environment.etc."from-module".text = "x"; }`,
	}
	host := func(more ...object) object {
		return targetHost("container", object{
			"tcpPorts": []int{80}, "udpPorts": []int{53}, "extraPackages": [][]string{{"htop"}, {"mariadb", "client"}},
			"modules": []string{"modules/custom/web.nix"}, "overrides": more,
		})
	}
	hosts := object{
		"grown": host(object{"path": []string{"networking", "firewall", "allowedTCPPorts"}, "priority": "plain", "value": []int{443}, "file": "f"},
			object{"path": []string{"services", "nginx", "virtualHosts", "a.b", "root"}, "priority": "plain", "value": "/srv", "file": "f"}),
		"forced":  host(object{"path": []string{"networking", "firewall", "allowedTCPPorts"}, "priority": "force", "value": []int{443}, "file": "f"}),
		"without": targetHost("container", nil),
	}
	dir := layTree(t, "25.11", object{"hosts": hosts}, files)
	got := map[string]any{}
	readTree(t, dir, "nixosConfigurations", `cs: {
	  grown = builtins.sort builtins.lessThan (builtins.filter (p: p != 22) cs.grown.config.networking.firewall.allowedTCPPorts);
	  forced = cs.forced.config.networking.firewall.allowedTCPPorts;
	  udp = cs.grown.config.networking.firewall.allowedUDPPorts;
	  hosts = builtins.mapAttrs (_: h: h.root) cs.grown.config.services.nginx.virtualHosts;
	  extra = let names = c: map (p: p.pname or p.name) c.config.environment.systemPackages; in
	    builtins.sort builtins.lessThan (builtins.filter (n: !builtins.elem n (names cs.without)) (names cs.grown));
	  lost = let names = c: map (p: p.pname or p.name) c.config.environment.systemPackages; in
	    builtins.filter (n: !builtins.elem n (names cs.grown)) (names cs.without);
	}`, &got)
	want := map[string]any{
		"grown": []any{80.0, 443.0, 8080.0}, "forced": []any{443.0}, "udp": []any{53.0},
		"hosts": map[string]any{"a.b": "/srv"}, "extra": []any{"htop", "mariadb.client"}, "lost": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	missing := maps.Clone(hosts)
	missing["typo"] = targetHost("container", object{"extraPackages": [][]string{{"htopp"}}, "hostName": "typo"})
	dir = layTree(t, "25.11", object{"hosts": missing}, files)
	_, err := tryTree(t, dir, "nixosConfigurations.typo.config.environment.systemPackages", "ps: map (p: p.name) ps")
	if err == nil || !strings.Contains(err.Error(), "extra_packages of typo: nixpkgs 25.11 has no package htopp") {
		t.Errorf("a package that there is not: %v", err)
	}
}

// Whatever the tree sets gives way to a mkDefault, but for what has to win over
// one of NixOS's own: that is listed here, so that nothing joins it by mistake.
// What grows (lists, lines, sets) is set plainly.
func TestWhatTheTreeSetsGivesWay(t *testing.T) {
	files, hosts := map[string]string{}, object{}
	for _, target := range []string{"hetzner", "m1", "wsl", "container"} {
		hosts[target] = targetHost(target, nil)
		if target == "hetzner" || target == "m1" {
			hosts[target] = withDisks(files, targetHost(target, nil))
		}
	}
	dir := layTree(t, "26.05", object{"hosts": hosts}, files)
	apply := `cs: let
	  lib = import ` + abs(t, "testdata/nixpkgs/lib") + `;
	  ours = file: builtins.match ".*-source/(configurations|hardware|modules|system|user|lib)/.*" (toString file) != null
	    && builtins.match ".*/nixos/.*" (toString file) == null;
	  grows = o: builtins.elem o.type.name [ "listOf" "attrsOf" "lazyAttrsOf" "separatedString" "submodule" "attrs" "anything" "lines" "raw" "unspecified" "coercedTo" ];
	  walk = at: o:
	    if lib.isOption o then
	      (if (o.isDefined or false) && o.highestPrio < 1000 && !grows o && builtins.any (d: ours d.file) o.definitionsWithLocations
	       then [ "${at} ${toString o.highestPrio}" ] else [ ])
	    else if builtins.isAttrs o then builtins.concatMap (n: if n == "_module" || n == "assertions" then [ ] else walk (if at == "" then n else "${at}.${n}") o.${n}) (builtins.attrNames o)
	    else [ ];
	in builtins.mapAttrs (_: c: walk "" c.options) cs`
	var got map[string][]string
	readJSON(t, nix(t, "eval", "--impure", "--json", "--no-write-lock-file", "path:"+dir+"#nixosConfigurations", "--apply", apply), &got)
	want := map[string][]string{
		"hetzner": {
			"programs.gnupg.agent.pinentryPackage 990", "programs.kde-pim.enable 990", "services.fwupd.enable 990", "services.geoclue2.enable 990",
			"services.openssh.startWhenNeeded 990", "services.orca.enable 990", "services.power-profiles-daemon.enable 990",
		},
		"m1":        {"services.openssh.startWhenNeeded 990"},
		"wsl":       {"services.openssh.startWhenNeeded 990"},
		"container": {"services.openssh.startWhenNeeded 990"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A port that a container publishes is no port of the world: by default, and in
// the network that Compose makes for a project. Both can be changed.
func TestDockerPublishesToTheMachineAlone(t *testing.T) {
	files := map[string]string{}
	const option = "com.docker.network.bridge.host_binding_ipv4"
	hosts := object{
		"usual": withDisks(files, targetHost("hetzner", nil)),
		"open": withDisks(files, targetHost("hetzner", object{"overrides": []object{{
			"path":     []string{"virtualisation", "docker", "daemon", "settings", "default-network-opts", "bridge", option},
			"priority": "default", "value": "192.0.2.7", "file": "hosts.toml",
		}}})),
	}
	for _, release := range releases {
		dir := layTree(t, release, object{"hosts": hosts}, files)
		var got map[string]any
		readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: { inherit (c.config.virtualisation.docker.daemon.settings) ip default-network-opts; })`, &got)
		settings := func(compose string) object {
			return object{"ip": "127.0.0.1", "default-network-opts": object{"bridge": object{option: compose}}}
		}
		if diff := cmp.Diff(map[string]any{"usual": settings("127.0.0.1"), "open": settings("192.0.2.7")}, got); diff != "" {
			t.Errorf("%s: %s", release, diff)
		}
	}
}
