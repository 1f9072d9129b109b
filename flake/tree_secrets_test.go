package flake

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plainSecrets are files of a flake that hold secrets of every kind.
func plainSecrets() map[string]string {
	files := map[string]string{
		"modules/custom/secrets/db.yaml":           "password: hunter2",
		"modules/custom/secrets/db-password":       "hunter2\n",
		"modules/custom/secrets/more/password.dat": "hunter2\n",
		"modules/custom/secrets/mixed.yaml":        "a: ENC[AES256_GCM,data:abc]\nb: " + someSecrets()["a GitHub token"],
		"modules/custom/minified.json":             strings.Repeat("x ", 1<<16) + someSecrets()["an AWS key"] + strings.Repeat(" y", 1<<16),
	}
	for what, secret := range someSecrets() {
		files["modules/custom/"+strings.ReplaceAll(what, " ", "-")+".conf"] = "value = '" + secret + "'\n"
	}
	return files
}

var noSecrets = map[string]string{
	"modules/custom/secrets/default.nix": "{ }",
	"modules/custom/secrets/.sops.yaml":  "creation_rules: []",
	"modules/custom/secrets/web.yaml":    "db: ENC[AES256_GCM,data:abc,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:def,type:str]",
	"modules/custom/secrets/a.key":       "-----BEGIN AGE ENCRYPTED FILE-----\nx\n",
	"modules/custom/secrets/b.age":       "age-encryption.org/v1\n-> X\n\x00\xff",
	"modules/custom/secrets/b":           "age-encryption.org/v1\n-> X\n",
	"modules/custom/secrets/.gitignore":  "*.plain\n",
	"modules/custom/long.json":           strings.Repeat("== tskey- npm_ ", 1<<14),
	"modules/custom/talk.md":             "A key begins with AGE-SECRET-KEY-1, a token with ghp_ or tskey-, AKIA, xoxb-.",
}

// A flake with a plain secret in it does not evaluate, the error says where it
// lies, and the check of the flake finds the same.
func TestPlainSecretsAreRefused(t *testing.T) {
	script := filepath.Join("tree", "scripts", "plaintext-secrets.sh")
	check := func(dir string) string {
		out, err := exec.CommandContext(t.Context(), "sh", script, dir).CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	const apply = "c: builtins.length (builtins.filter (a: !a.assertion) c.assertions)"
	hosts := object{"box": targetHost("container", nil)}

	dir := layTree(t, "26.05", object{"hosts": hosts}, noSecrets)
	if out, err := tryTree(t, dir, "nixosConfigurations.box.config", apply); err != nil || strings.TrimSpace(out) != "0" {
		t.Errorf("without a secret: %s assertions fail, %v", out, err)
	}
	if out := check(dir); out != "" {
		t.Errorf("the check refuses a tree without a secret: %s", out)
	}

	dir = layTree(t, "26.05", object{"hosts": hosts}, plainSecrets())
	_, err := tryTree(t, dir, "nixosConfigurations.box.config.system.build.toplevel", "t: t.drvPath")
	if err == nil {
		t.Fatal("a host with plain secrets evaluates")
	}
	report := check(dir)
	for path := range plainSecrets() {
		if !strings.Contains(err.Error(), path+": ") {
			t.Errorf("the refusal does not name %s:\n%v", path, err)
		}
		if !strings.Contains(report, path) {
			t.Errorf("the check does not name %s:\n%s", path, report)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(report, "hunter2") {
		t.Error("the secret itself is printed")
	}

	layOut(t, dir, map[string]string{"binary.bin": "\x00\x01AGE-SECRET-" + "KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQ\x00"})
	if !strings.Contains(check(dir), "binary.bin") {
		t.Error("the check does not look into binary files")
	}
}

// Passwords that would end in the store are refused; paths on the host are not.
func TestPasswordsInTheStoreAreRefused(t *testing.T) {
	host := func(path string, value any) object {
		return targetHost("container", object{"overrides": []object{{
			"path": strings.Split(path, "."), "priority": "plain", "value": value, "file": "hosts.toml",
		}}})
	}
	cases := map[string]struct {
		host    object
		refused string
	}{
		"initial": {host("users.users.alice.initialPassword", "x"), "initialPassword"},
		"plain":   {host("users.users.alice.password", "x"), "password"},
		"store":   {host("services.tailscale.authKeyFile", "/nix/store/x-key"), "authKeyFile is in the Nix store"},
		"path":    {host("services.tailscale.authKeyFile", "/run/secrets/x"), ""},
		"hashed":  {host("users.users.alice.hashedPasswordFile", "/run/secrets/x"), ""},
	}
	hosts := object{}
	for name, c := range cases {
		hosts[name] = c.host
	}
	dir := layTree(t, "25.11", object{"hosts": hosts}, nil)
	got := map[string]string{}
	readTree(t, dir, "nixosConfigurations", `builtins.mapAttrs (_: c: builtins.concatStringsSep " " (map (a: a.message) (builtins.filter (a: !a.assertion) c.config.assertions)))`, &got)
	for name, c := range cases {
		if (c.refused == "") != (got[name] == "") || !strings.Contains(got[name], c.refused) {
			t.Errorf("%s: %q, want %q", name, got[name], c.refused)
		}
	}
}

// The provider that hosts.toml chooses is there, and decrypts with the host's
// own key; without a choice there is none.
func TestSecretsProvider(t *testing.T) {
	for provider, apply := range map[string]string{
		"none":     `c: [ c.nixdeploy.secrets.provider (c ? sops) (c ? age) ]`,
		"sops-nix": `c: [ c.nixdeploy.secrets.provider c.sops.age.sshKeyPaths c.sops.gnupg.sshKeyPaths ]`,
		"agenix":   `c: [ c.nixdeploy.secrets.provider c.age.identityPaths ]`,
	} {
		t.Run(provider, func(t *testing.T) {
			doc := object{"hosts": object{"box": targetHost("container", nil)}}
			if provider != "none" {
				doc["secrets"] = provider
			}
			want := map[string]string{
				"none":     `["none",false,false]`,
				"sops-nix": `["sops-nix",["/etc/ssh/ssh_host_ed25519_key"],[]]`,
				"agenix":   `["agenix",["/etc/ssh/ssh_host_ed25519_key"]]`,
			}[provider]
			got, err := tryTree(t, layTree(t, "26.05", doc, nil), "nixosConfigurations.box.config", apply)
			if err != nil || strings.TrimSpace(got) != want {
				t.Errorf("got %s, want %s: %v", got, want, err)
			}
		})
	}
}
