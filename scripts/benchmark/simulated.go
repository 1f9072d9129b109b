package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// The rows of a thousand hosts: simulated ones in a process of their own,
// against a bare x/crypto loop that connects and executes.
const (
	simulatedHosts    = 1000
	simulatedParallel = 64
	simulatedWall     = 1.3
	simulatedPeak     = 100 // MB
)

func measureSimulated(ctx context.Context, w *workspace, rounds int, say func(string)) ([]result, error) {
	say(fmt.Sprintf("simulated: %d hosts, %d at once, mlkem768x25519-sha256, aes128-gcm@openssh.com", simulatedHosts, simulatedParallel))
	return simulatedRows(ctx, w, simulatedHosts, rounds)
}

func simulatedRows(ctx context.Context, w *workspace, count, rounds int) (_ []result, err error) {
	o := w.operator("simulated")
	hosts, err := startSimulated(ctx, o, count)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hosts.close()) }()
	floor, err := w.build(ctx, "scripts/benchmark/floor")
	if err != nil {
		return nil, err
	}
	addresses, err := simulatedAddresses(o)
	if err != nil {
		return nil, err
	}
	parallel := strconv.Itoa(simulatedParallel)
	if err := must(startHere, o.command(ctx, w.nixdeploy, "apply", "--first", "--yes", "--parallel", parallel)); err != nil {
		return nil, fmt.Errorf("the apply before: %w", err)
	}
	apply := contender{name: "nixdeploy", check: allUnchanged(count), command: func(ctx context.Context, _ int) *exec.Cmd {
		return o.command(ctx, w.nixdeploy, "apply", "--yes", "--parallel", parallel)
	}}
	samples, err := interleave(ctx, startHere, rounds, []contender{apply, {
		name: "floor", command: func(ctx context.Context, _ int) *exec.Cmd {
			cmd := o.command(ctx, floor, "-p", parallel, "-key", o.fleet("client_key"), "-known-hosts", o.fleet("known_hosts"))
			cmd.Stdin = strings.NewReader(addresses)
			return cmd
		},
	}})
	if err == nil {
		err = w.profile(ctx, startHere, "simulated", apply)
	}
	if err != nil {
		return nil, err
	}
	ours, peer := samples[0], samples[1]
	what, loop := fmt.Sprintf("no-op apply, %d simulated hosts", count), "bare connect-and-exec loop"
	return []result{
		against("B5", what, "wall", column(ours, wall), loop, column(peer, wall), simulatedWall),
		against("", what, "cpu", column(ours, cpu), loop, column(peer, cpu), 0),
		alone("B5", what, "peak RSS", column(ours, peakRSS), simulatedPeak),
	}, nil
}

// startSimulated starts the hosts and writes the fleet's files.
func startSimulated(ctx context.Context, o operator, count int) (*helper, error) {
	program, err := o.build(ctx, "scripts/benchmark/simhosts")
	if err != nil {
		return nil, err
	}
	if err := o.writePlainFlake(); err != nil {
		return nil, err
	}
	hosts, err := startHelper(startHere, exec.CommandContext(ctx, program,
		"-n", strconv.Itoa(count), "-dir", o.fleet()))
	if err != nil {
		return nil, err
	}
	tables, err := os.ReadFile(o.fleet("hosts"))
	if err == nil {
		err = o.write(o.fleet("hosts.toml"), "[fleet]\nname = \"bench\"\n\n[flake]\nsource = \"flake\"\n\n[ssh]\nuser = \"root\"\n"+
			"identity_files = [\""+o.fleet("client_key")+"\"]\n\n[targets.server]\n\n[stages]\norder = [\"all\"]\n"+string(tables))
	}
	if err != nil {
		return nil, errors.Join(err, hosts.close())
	}
	return hosts, nil
}

var knownName = regexp.MustCompile(`(?m)^\[([0-9.]+)\](:[0-9]+) `)

// simulatedAddresses lists the hosts as the floor takes them, one a line.
func simulatedAddresses(o operator) (string, error) {
	known, err := os.ReadFile(o.fleet("known_hosts"))
	if err != nil {
		return "", fmt.Errorf("read the addresses: %w", err)
	}
	var b strings.Builder
	for _, m := range knownName.FindAllStringSubmatch(string(known), -1) {
		b.WriteString(m[1] + m[2] + "\n")
	}
	return b.String(), nil
}
