package flake

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// referenceForm is a flake reference with a scheme, in characters that mean
// nothing inside a Nix string: references are the one setting that has to stand
// in Nix text, since Nix wants the inputs of a flake written literally.
var referenceForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9%/?:@&=+,_.!~-]+$`)

// secretsLine is where flake.nix gets the input that decrypts secrets.
const secretsLine = "  # @secrets@\n" //nolint:gosec // a place in flake.nix, and no secret

// withReferences puts the references of hosts.toml into the tree's flake.nix:
// each in place of the placeholder "@NAME@", the chosen tool for secrets in
// place of a line of its own.
func withReferences(text string, source inventory.FlakeSource) (string, error) {
	text = strings.Replace(text, secretsLine, secretsInput(source.Secrets), 1)
	for _, name := range source.InputNames() {
		reference := source.Reference(name)
		if err := checkReference(name, reference); err != nil {
			return "", err
		}
		placeholder := `"@` + name + `@"`
		if strings.Count(text, placeholder) != 1 {
			return "", fmt.Errorf("the embedded flake.nix has no place for the input %q", name)
		}
		text = strings.Replace(text, placeholder, `"`+reference+`"`, 1)
	}
	return text, nil
}

// secretsInput declares the input for secrets; its own inputs are the flake's,
// or none: agenix has one for macOS that no host needs.
func secretsInput(name string) string {
	if name == "" {
		return ""
	}
	lines := []string{`url = "@` + name + `@"`, `inputs.nixpkgs.follows = "nixpkgs"`}
	if name == inventory.SecretsAgenix {
		lines = append(lines, `inputs.home-manager.follows = "home-manager"`, `inputs.darwin.follows = ""`)
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("  inputs." + name + "." + line + ";\n")
	}
	return b.String()
}

func checkReference(name, reference string) error {
	setting := "[flake.inputs] " + name
	if name == "nixpkgs" {
		setting = "[flake] nixpkgs"
	}
	if !referenceForm.MatchString(reference) {
		return &Refusal{
			What: fmt.Sprintf("%s = %q is not a flake reference", setting, reference),
			Hint: "write it like github:NixOS/nixpkgs/nixos-26.05",
		}
	}
	if _, authority, ok := strings.Cut(reference, "://"); ok {
		host, _, _ := strings.Cut(authority, "/")
		if user, _, ok := strings.Cut(host, "@"); ok && strings.Contains(user, ":") {
			return &Refusal{
				What: setting + " holds a password, which every user of a host could read",
				Hint: "put it into the access-tokens or netrc-file of the host's nix.conf",
			}
		}
	}
	return nil
}

// standInWarning labels a flake that is built on folders of this machine.
func standInWarning(source inventory.FlakeSource) []string {
	names := source.StandIns()
	if len(names) == 0 {
		return nil
	}
	what := "inputs " + strings.Join(names, ", ") + " are stand-ins, folders of this machine"
	if len(names) == 1 {
		what = "input " + names[0] + " is a stand-in, a folder of this machine"
	}
	return []string{what + ": a host without them cannot evaluate the flake"}
}
