package nixos

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// optionExpression is what is asked. It takes its questions as arguments.
//
//go:embed expressions/option.nix
var optionExpression string

// optionSeconds bounds the evaluation on a host; inputs may have to be downloaded.
const optionSeconds = "1500"

// OptionArgs are the arguments of nix that ask a flake for options. ref is a
// locked reference without an attribute. Nothing is built.
func OptionArgs(ref string, q deploy.OptionQuery) ([]string, error) {
	query, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("asking for options: %w", err)
	}
	return []string{
		"--extra-experimental-features", "nix-command flakes",
		"eval", "--json", "--expr", optionExpression,
		"--argstr", "flake", strings.TrimSuffix(ref, "#"), "--argstr", "query", string(query), "answer",
	}, nil
}

// ParseOption reads what that command printed.
func ParseOption(out string) (deploy.OptionAnswer, error) {
	var a deploy.OptionAnswer
	dec := json.NewDecoder(strings.NewReader(out))
	dec.UseNumber() // an integer of Nix is wider than a float
	if err := dec.Decode(&a); err != nil {
		return a, fmt.Errorf("reading what nix eval printed of options: %w", err)
	}
	a.Localise()
	return a, nil
}

// Option asks a flake for options by the Nix of a host. It asks for no root, and
// changes nothing but what Nix downloads to its store.
func Option(
	ctx context.Context, conn deploy.Conn, pack func(io.Writer) error, narHash string, q deploy.OptionQuery,
) (deploy.OptionAnswer, error) {
	query, err := json.Marshal(q)
	if err != nil {
		return deploy.OptionAnswer{}, fmt.Errorf("asking for options: %w", err)
	}
	reply, err := askNix(ctx, conn, pack, "option", "the flake does not evaluate on the host",
		optionSeconds, url.QueryEscape(narHash), optionExpression, string(query))
	if err != nil {
		return deploy.OptionAnswer{}, err
	}
	return ParseOption(strings.Join(reply.values["answer"], ""))
}
