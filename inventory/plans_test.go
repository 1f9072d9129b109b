package inventory

import (
	"strings"
	"testing"
)

func TestWhoMaySignPlans(t *testing.T) {
	inv := mustParse(t, small)
	if inv.Plans.RequireSignature || inv.Plans.AllowedSigners != "" {
		t.Errorf("without [plans]: %+v", inv.Plans)
	}
	inv = mustParse(t, small+"[plans]\nallowed_signers = \"keys/signers\"\nrequire_signature = true\n")
	if !inv.Plans.RequireSignature || inv.Plans.AllowedSigners != "keys/signers" {
		t.Errorf("%+v", inv.Plans)
	}
	at := 1 + strings.Count(small, "\n")
	if got := inv.Plans.Provenance["require_signature"]; got != (Origin{From: "plans", Line: at + 2}) {
		t.Errorf("require_signature comes from %+v", got)
	}
	// Verified where it is there, and not asked for.
	if inv := mustParse(t, small+"[plans]\nallowed_signers = \"/etc/signers\"\n"); inv.Plans.RequireSignature {
		t.Error("a signature is required without a word")
	}
}

func TestMistakesInPlans(t *testing.T) {
	for text, want := range map[string]string{
		"require_signature = true":                           "[plans] require_signature needs allowed_signers",
		"require_signature = \"yes\"":                        "[plans] require_signature: this is a string",
		"allowed_signers = \"~/signers\"":                    "begins with ~",
		"allowed_signers = \"-f\"":                           "begins with -",
		"allowed_signers = true":                             "[plans] allowed_signers: this is a boolean",
		"allowed_signer = \"x\"":                             `unknown key "allowed_signer"`,
		"allowed_signers = \"x\"\nrequire_signatures = true": `unknown key "require_signatures"`,
	} {
		p := problemsOf(t, small+"[plans]\n"+text+"\n")
		if len(p) != 1 || !strings.Contains(p[0].What, want) {
			t.Errorf("%s: %v, want %s", text, p, want)
		}
	}
}
