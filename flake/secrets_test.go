package flake

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// A made-up secret of each form; each is cut in two here, so that nobody's
// scanner takes this file for a leak.
func someSecrets() map[string]string {
	a20, a36, a40, a86 := strings.Repeat("A1", 10), strings.Repeat("a", 36), strings.Repeat("a", 43), strings.Repeat("a", 86)
	return map[string]string{
		"a private key":               "-----BEGIN OPENSSH PRIV" + "ATE KEY-----",
		"an age identity":             "AGE-SECRET-" + "KEY-1" + strings.Repeat("Q", 30),
		"a WireGuard key":             "Private" + "Key = " + a40 + "=",
		"a key that signs Nix caches": "cache.example.org-1" + ":" + a86 + "==",
		"a Tailscale key":             "tskey" + "-auth-k123456789",
		"a GitHub token":              "gh" + "p_" + a36,
		"a GitLab token":              "gl" + "pat-" + a20,
		"an AWS key":                  "AK" + "IA0123456789ABCDEF",
		"a Slack token":               "xo" + "xb-123456789012",
		"an Anthropic key":            "sk-" + "ant-api03-abcdef",
		"an OpenAI key":               "sk-" + "proj-" + a20,
		"a Google key":                "AI" + "za" + strings.Repeat("b", 35),
		"a Stripe key":                "sk" + "_live_" + a20,
		"an npm token":                "np" + "m_" + a36,
	}
}

func TestRenderRefusesPlainSecrets(t *testing.T) {
	for what, secret := range someSecrets() {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, map[string]string{"nix/default.nix": "{ }", "nix/secret": "# " + secret + "\n"})
			h := box("box-1")
			h.Modules = []string{"nix"}
			_, err := Render(fleet(t, dir, h))
			wantRefusal(t, err, "nix/secret ("+what+")")
			wantRefusal(t, err, "encrypt it")

			for _, value := range []any{secret, []any{"x", secret}, map[string]any{"a": map[string]any{"b": secret}}} {
				h = box("box-1")
				h.Override.Force = map[string]any{"environment.etc.x": value}
				_, err = Render(fleet(t, t.TempDir(), h))
				wantRefusal(t, err, `host box-1: override.force "environment.etc.x": `+what)
				if strings.Contains(err.Error(), secret) {
					t.Error("the refusal repeats it")
				}
			}
		})
	}
	key := strings.Repeat("a", 43) + "="
	for option, value := range map[string]any{
		"networking.wireguard.interfaces.wg0.privateKey": key,
		"networking.wireguard.interfaces.wg0":            map[string]any{"privateKey": key},
	} {
		h := box("box-1")
		h.Override.Plain[option] = value
		_, err := Render(fleet(t, t.TempDir(), h))
		wantRefusal(t, err, "a WireGuard key")
	}
}

func TestRenderRefusesAnInitialPassword(t *testing.T) {
	for text, refused := range map[string]bool{
		`{ users.users.ann.initialPassword = "hush"; }`:                true,
		`{ users.users.ann = { initialPassword = ''hush''; }; }`:       true,
		`{ users.users.ann.initialHashedPassword = "$y$x"; }`:          false,
		"{ # initialPassword = \"never\";\n }":                         false,
		`{ users.users.ann.initialPassword = ""; }`:                    false,
		`{ users.users.ann.hashedPasswordFile = "/run/secrets/ann"; }`: false,
	} {
		dir := t.TempDir()
		layOut(t, dir, map[string]string{"m.nix": text})
		h := box("box-1")
		h.Modules = []string{"m.nix"}
		_, err := Render(fleet(t, dir, h))
		if refused {
			wantRefusal(t, err, "m.nix (initialPassword)")
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What was encrypted for a host, and what is public, passes.
func TestRenderTakesEncryptedSecrets(t *testing.T) {
	dir := t.TempDir()
	layOut(t, dir, map[string]string{
		"nix/default.nix": `{ age.secrets.x.file = ./x.age; nix.settings.trusted-public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ]; }`,
		"nix/x.age":       "age-encryption.org/v1\n-> ssh-ed25519 x\n" + someSecrets()["an AWS key"],
		"nix/armored.age": "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
		"nix/sops.yaml":   "token: ENC[AES256_GCM,data:x]\nsops:\n  age:\n  - enc: |\n      -----BEGIN AGE ENCRYPTED FILE-----\n",
		"nix/id.pub":      publicKey,
		"nix/wg.nix":      `{ peers = [ { publicKey = "` + strings.Repeat("a", 43) + `="; } ]; }`,
	})
	h := box("box-1")
	h.Modules = []string{"nix"}
	inv := fleet(t, dir, h)
	inv.Users = []inventory.User{{Name: "ann", Keys: []string{publicKey}}}
	if _, err := Render(inv); err != nil {
		t.Error(err)
	}
	// A plain one beside encrypted ones in a file of sops does not.
	layOut(t, dir, map[string]string{"nix/mixed.yaml": "token: ENC[AES256_GCM,data:x]\nother_unencrypted: " + someSecrets()["a GitHub token"]})
	_, err := Render(inv)
	wantRefusal(t, err, "nix/mixed.yaml (a GitHub token)")
}

// What lies in a folder called secrets has to be encrypted, whatever it is called:
// the words of a password have no form.
func TestRenderRefusesPlainFilesOfAFolderOfSecrets(t *testing.T) {
	const age = "age-encryption.org/v1\n-> ssh-ed25519 x\n"
	for name, c := range map[string]struct{ text, refused string }{
		"db-password":     {"hunter2\n", "secrets/db-password (in a folder of secrets, and not encrypted)"},
		"db.yaml":         {"password: hunter2\n", "secrets/db.yaml"},
		"more/x.age":      {"hunter2\n", "secrets/more/x.age"},
		"empty":           {"", "secrets/empty"},
		"sealed":          {age, ""},
		"binary.age":      {age + "\x00", ""},
		"binary":          {age + "\x00", "call it binary.age"},
		"sops.yaml":       {"x: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[AES256_GCM,data:y]\n", ""},
		".sops.yaml":      {"creation_rules: []\n", ""},
		"secrets.nix":     {"{ }", ""},
		"web.pub":         {publicKey, ""},
		".gitignore":      {"*.plain\n", ""},
		"../no-secrets/x": {"hunter2\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			layOut(t, dir, map[string]string{"nix/default.nix": "{ }", "nix/secrets/default.nix": "{ }", "nix/secrets/" + name: c.text})
			h := box("box-1")
			h.Modules = []string{"nix"}
			_, err := Render(fleet(t, dir, h))
			if c.refused == "" && err != nil {
				t.Error(err)
			}
			if c.refused != "" {
				wantRefusal(t, err, c.refused)
			}
		})
	}
}
