package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
)

func planSignCommand() command {
	return command{
		name: "plan sign", usage: "sign a saved plan with an SSH key",
		args: "FILE", maxArgs: 1, anyOrder: true,
		about: "Writes FILE.sig by ssh-keygen -Y sign, in the namespace " + signatureNamespace + ". With a public key as KEY the agent signs. " +
			"Who may sign is said by [plans] of hosts.toml.",
		examples: []string{"plan sign release.plan --key ~/.ssh/id_ed25519"},
		own: func() []cli.Flag {
			return []cli.Flag{&cli.StringFlag{Name: "key", Usage: "the `KEY` to sign with: a private key, or the public one of a key in the agent"}}
		},
		run: runPlanSign,
	}
}

func runPlanSign(ctx context.Context, in *invocation) error {
	key := in.cli.String("key")
	switch {
	case len(in.args) == 0:
		return &usageError{what: "no file to sign", command: "plan sign"}
	case in.args[0] == "-":
		return &usageError{what: "a signature lies beside a file, and stdin is none", command: "plan sign"}
	case key == "":
		return &usageError{what: "no key to sign with", hint: "for instance --key ~/.ssh/id_ed25519", command: "plan sign"}
	}
	f, err := in.readPlanFile(in.args[0], "plan sign") // nobody signs what cannot be applied
	if err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(key, "~/"); ok { // --key=~/x, which no shell expands
		key = in.getenv("HOME") + "/" + rest
	}
	key = absolute(in.App, key)
	if _, err := os.Stat(key); err != nil {
		return &usageError{what: "the key cannot be read: " + err.Error(), command: "plan sign"}
	}
	ctx, cancel := context.WithTimeout(ctx, signTimeout)
	defer cancel()
	signature, said, err := in.sshKeygen(ctx, f.data, "-Y", "sign", "-n", signatureNamespace, "-f", key)
	if errors.Is(err, exec.ErrNotFound) {
		return &usageError{what: "there is no ssh-keygen here", hint: "it belongs to OpenSSH 8.9 or newer", command: "plan sign"}
	}
	if err != nil {
		return &deploy.Problem{
			Code: deploy.CodeSignature, What: "ssh-keygen did not sign", Details: said, State: "no signature was written",
			Next: "look whether the key is there, and in the agent: ssh-add -l",
		}
	}
	if err := replaceFile(absolute(in.App, f.name)+".sig", []byte(signature), 0o600); err != nil {
		return &deploy.Problem{
			Code: deploy.CodeFile, What: "the signature was made, and could not be written", State: "no signature was written", Err: err,
			Next: "mend that, then run the same command again",
		}
	}
	in.tell("signed plan " + f.ID + ": " + in.err.Clean(f.name) + ".sig\n")
	if !in.json {
		return nil
	}
	return in.print(string(view.JSONDocument(map[string]any{
		"type": "signature", "nixdeploy": versionNumber(), "format": "1.0", "plan": f.ID, "file": f.name + ".sig",
	})))
}
