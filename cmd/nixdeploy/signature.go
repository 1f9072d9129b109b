package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// signatureNamespace keeps a signature of a plan from being one of anything else,
// and one of anything else from being a plan's.
const signatureNamespace = "nixdeploy-plan"

// How long ssh-keygen may take: to sign it may ask for a passphrase or a touch.
const (
	verifyTimeout = 20 * time.Second
	signTimeout   = 2 * time.Minute
)

// signedBy says who signed a saved plan, as far as hosts.toml asks: "" when
// nobody had to and nobody did. The error is a *deploy.Problem for security:
// nothing was contacted.
func (in *invocation) signedBy(ctx context.Context, inv *inventory.Inventory, f *planFile) (string, error) {
	rules := inv.Plans
	if rules.AllowedSigners == "" {
		return "", nil
	}
	v := verifier{app: in.App, signers: rules.AllowedSigners, data: f.data}
	if !filepath.IsAbs(v.signers) {
		v.signers = filepath.Join(filepath.Dir(inv.Path), v.signers)
	}
	signature := absolute(in.App, f.name) + ".sig"
	_, err := os.Stat(signature)
	if f.name == "-" || errors.Is(err, os.ErrNotExist) {
		if !rules.RequireSignature {
			return "", nil
		}
		return "", v.refused("the saved plan is not signed", fmt.Sprintf("%s:%d has require_signature = true, and there is no %s.sig",
			in.display(inv.Path), rules.Provenance["require_signature"].Line, f.name))
	}
	return v.signer(ctx, signature)
}

// verifier asks OpenSSH who signed data.
type verifier struct {
	app     App
	signers string // allowed_signers
	data    []byte
}

// signer is the one of allowed_signers that made the signature. It is asked for
// twice, as git does it: whose key it may be, and whether that one signed this.
func (v verifier) signer(ctx context.Context, signature string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	info, err := os.Stat(v.signers)
	if err == nil {
		_, err = os.ReadFile(v.signers)
	}
	if err != nil {
		return "", v.refused("nobody may sign plans: the list of signers cannot be read", err.Error())
	}
	if info.Mode().Perm()&0o002 != 0 {
		return "", v.refused("the list of signers can be written by everybody on this machine, so it proves nothing",
			"to mend that: "+shellLine("chmod", "o-w", v.app.display(v.signers)))
	}
	found, said, err := v.app.sshKeygen(ctx, nil, "-Y", "find-principals", "-s", signature, "-f", v.signers)
	if errors.Is(err, exec.ErrNotFound) {
		return "", v.refused("the signature cannot be verified: there is no ssh-keygen here", "it belongs to OpenSSH 8.9 or newer")
	}
	if err != nil {
		return "", v.refused("the signature is of nobody who may sign, or of a key that has expired", said...)
	}
	for principal := range strings.FieldsFuncSeq(found, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' }) {
		principal = strings.TrimSpace(principal)
		if principal == "" || strings.HasPrefix(principal, "!") || strings.HasPrefix(principal, "-") {
			continue
		}
		_, said, err = v.app.sshKeygen(ctx, v.data, "-Y", "verify", "-n", signatureNamespace, "-I", principal, "-s", signature, "-f", v.signers)
		if err == nil {
			return principal, nil
		}
	}
	return "", v.refused("the signature is not one of this plan: the file was changed after it, or it was signed as something else", said...)
}

// refused says why, and who may sign.
func (v verifier) refused(what string, said ...string) *deploy.Problem {
	p := &deploy.Problem{
		Code: deploy.CodeSignature, What: what, Details: said, State: "nothing was contacted",
		Next: "look at the plan (nixdeploy plan show FILE), then have it signed: nixdeploy plan sign FILE --key KEY",
	}
	text, err := os.ReadFile(v.signers)
	if err != nil {
		return p
	}
	var who []string
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(name, "#") {
			who = append(who, strings.Trim(name, `"`))
		}
	}
	p.Details = append(p.Details, "may sign, by "+v.app.display(v.signers)+": "+strings.Join(who, ", "))
	return p
}

// sshKeygen runs ssh-keygen; said is what it wrote to stderr.
func (a App) sshKeygen(ctx context.Context, stdin []byte, args ...string) (out string, said []string, err error) {
	path := a.lookPath("ssh-keygen")
	if path == "" {
		return "", nil, exec.ErrNotFound
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.WaitDelay = a.Environ, 5*time.Second
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
		said = append(said, "ssh-keygen did not end in time")
	}
	for _, text := range []string{stderr.String(), stdout.String()} {
		if text = strings.TrimSpace(text); text != "" && err != nil {
			said = append(said, lastLines(text, 8)...)
		}
	}
	return stdout.String(), said, err
}

// unsigned refuses an apply that no signed plan stands behind, where hosts.toml
// asks for one.
func (in *invocation) unsigned(inv *inventory.Inventory) error {
	if !inv.Plans.RequireSignature {
		return nil
	}
	return &deploy.Problem{
		Code: deploy.CodeSignature, What: "nothing is applied here but a signed plan", State: "nothing was contacted",
		Details: []string{fmt.Sprintf("%s:%d has require_signature = true", in.display(inv.Path), inv.Plans.Provenance["require_signature"].Line)},
		Next:    "nixdeploy plan --out FILE, then nixdeploy plan sign FILE --key KEY, then nixdeploy apply FILE",
	}
}

// unsignedSystem refuses to go to a system that is named by its path where hosts.toml
// asks for signatures: it may be one that only a plan has built, and nobody signed.
func (in *invocation) unsignedSystem(inv *inventory.Inventory) error {
	if !inv.Plans.RequireSignature || !strings.HasPrefix(in.to, "/") {
		return nil
	}
	return &deploy.Problem{
		Code: deploy.CodeSignature, What: "a store path may be a system that was never signed: here --to takes a generation of the host", State: "nothing was contacted",
		Details: []string{fmt.Sprintf("%s:%d has require_signature = true", in.display(inv.Path), inv.Plans.Provenance["require_signature"].Line)},
		Next:    "name the generation's number, or leave out --to for what was there before",
	}
}

func lastLines(text string, n int) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[max(0, len(lines)-n):]
}
