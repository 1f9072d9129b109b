package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The rows of real hosts: a changed release to ten machines of the lab, guard
// and checks included, against parallel ssh and a bare nixos-rebuild switch.
const (
	labHosts = 10
	labWall  = 1.15
)

// weight says what a release costs whoever deploys it.
type weight struct {
	name       string
	evaluation int // rounds of a loop, of some 0.1 ms each
	restart    int // seconds until the changed service is ready
}

// weights are the two releases that are measured. The lab's systems evaluate and
// activate in a fraction of a second, and its ten machines share the cores of
// this one: with the bare release nothing but overhead is seen, and all of it as
// CPU time. The other one is still small for NixOS, where an evaluation takes
// seconds and a switch tens of them.
func weights() []weight {
	return []weight{
		{name: "bare", evaluation: 1, restart: 0},
		{name: "small NixOS", evaluation: 1500, restart: 5},
	}
}

// labFlake is the fixture's flake.nix with an evaluation that costs something.
const labFlake = `{
  inputs.minios.url = "path:./minios";
  outputs = { self, minios }:
    let
      fleet = builtins.fromJSON (builtins.readFile ./fleet.json);
      add = a: b: a + b;
      work = builtins.foldl' (a: _: a + builtins.foldl' add 0 (builtins.genList (x: x) 1000)) 0 (builtins.genList (x: x) fleet.work);
    in
    assert work >= 0;
    { nixosConfigurations = builtins.mapAttrs (hostName: host: minios.lib.system ({ inherit hostName; } // host)) fleet.hosts; };
}
`

// bareSwitch is what a careful person's shell loop would do on one host: one
// connection, the flake in it, one switch. $1 is the host's name, $2 its address.
const bareSwitch = `#!/bin/sh
set -eu
tar -C flake -c . | ssh -F ssh_config "$2" "rm -rf /root/flake && mkdir /root/flake &&
  tar -x --no-same-owner -C /root/flake && nixos-rebuild switch --flake path:/root/flake#$1"
`

func measureLab(ctx context.Context, w *workspace, rounds int, say func(string)) (_ []result, err error) {
	bed := &labBed{operator: w.operator("lab"), script: filepath.Join(w.repository, "scripts", "lab", "lab")}
	if err := bed.canRun(ctx); err != nil {
		return nil, err
	}
	say(fmt.Sprintf("lab: booting %d hosts, %s, %s", labHosts, pinnedKex, pinnedCipher))
	defer func() { err = errors.Join(err, bed.down(ctx)) }()
	if err := bed.up(ctx); err != nil {
		return nil, err
	}
	say("lab: taking turns")
	if err := errors.Join(bed.next(ctx), must(startHere, bed.command(ctx, w.nixdeploy, "apply", "--first", "--yes"))); err != nil {
		return nil, fmt.Errorf("the apply before: %w", err)
	}
	var results []result
	for _, bed.weight = range weights() {
		contenders := []contender{bed.nixdeploy(), bed.bare()}
		samples, err := interleave(ctx, startHere, rounds, contenders)
		if err == nil {
			err = w.profile(ctx, startHere, "lab", contenders[0])
		}
		if err != nil {
			return results, err
		}
		results = append(results, against("lab", fmt.Sprintf("changed release (%s), 10 lab hosts", bed.weight.name), "wall",
			column(samples[0], wall), "ssh and bare switch", column(samples[1], wall), labWall))
	}
	return results, nil
}

// labBed is ten hosts of the lab and who operates them.
type labBed struct {
	operator
	script string
	hosts  []labHost
	weight weight
	number int // of the newest release
}

type labHost struct{ name, address string }

func (b *labBed) lab(ctx context.Context, args ...string) (string, error) {
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, b.script, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("lab %s: %w\n%s", strings.Join(args, " "), err, errOut.String())
	}
	return out.String(), nil
}

// canRun asks the lab, which says what is missing with exit code 77.
func (b *labBed) canRun(ctx context.Context) error {
	_, err := b.lab(ctx, "check")
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == exitCannotRun {
		return &cannotRunError{"the lab: see scripts/lab/lab check"}
	}
	return err
}

var labValue = regexp.MustCompile(`(?m)^(\w+)=(.*)$`)

// up boots the hosts and writes all that their operator has.
func (b *labBed) up(ctx context.Context) error {
	known := &strings.Builder{}
	var settings map[string]string
	for i := range labHosts {
		b.hosts = append(b.hosts, labHost{name: b.prefix() + strconv.Itoa(i+1)})
		if _, err := b.lab(ctx, "up", b.hosts[i].name, "--owner", strconv.Itoa(os.Getpid())); err != nil {
			return err
		}
	}
	for i := range b.hosts {
		h := &b.hosts[i]
		if _, err := b.lab(ctx, "wait", h.name); err != nil {
			return err
		}
		text, err := b.lab(ctx, "env", h.name)
		if err != nil {
			return err
		}
		settings = map[string]string{}
		for _, m := range labValue.FindAllStringSubmatch(text, -1) {
			settings[m[1]] = m[2]
		}
		h.address = settings["LAB_IP"]
		line, err := os.ReadFile(filepath.Join(settings["LAB_HOST_DIR"], "known_hosts"))
		if err != nil {
			return fmt.Errorf("read a host key: %w", err)
		}
		known.Write(line)
	}
	key, err := os.ReadFile(settings["LAB_KEY"])
	if err != nil {
		return fmt.Errorf("read the lab's key: %w", err)
	}
	return errors.Join(
		b.write(b.home(".ssh/id_ed25519"), string(key)),
		b.write(b.home(".ssh/known_hosts"), known.String()),
		b.write(b.fleet("ssh_config"), strings.Join([]string{
			"User root", "IdentityFile " + b.home(".ssh/id_ed25519"), "IdentitiesOnly yes", "UserKnownHostsFile " + b.home(".ssh/known_hosts"),
			"GlobalKnownHostsFile /dev/null", "StrictHostKeyChecking yes", "BatchMode yes", "KexAlgorithms " + pinnedKex,
			"Ciphers " + pinnedCipher, "LogLevel ERROR", "",
		}, "\n")),
		b.write(b.fleet("bare-switch"), bareSwitch),
		b.write(b.fleet("hosts.toml"), b.inventory()),
		b.flake(ctx))
}

// flake writes the lab's fixture, with a flake.nix of our own.
func (b *labBed) flake(ctx context.Context) error {
	if _, err := b.lab(ctx, "flake", b.fleet("flake")); err != nil {
		return err
	}
	return b.write(b.fleet("flake", "flake.nix"), labFlake)
}

func (b *labBed) inventory() string {
	t := &strings.Builder{}
	t.WriteString("[fleet]\nname = \"bench\"\n\n[flake]\nsource = \"flake\"\n\n[targets.lab]\n\n[stages]\norder = [\"all\"]\n")
	for _, h := range b.hosts {
		fmt.Fprintf(t, "\n[hosts.%s]\naddress = %q\ntarget = \"lab\"\nstage = \"all\"\n", h.name, h.address)
	}
	return t.String()
}

// down takes the hosts down, also when the run was interrupted.
func (b *labBed) down(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	args := []string{"down"}
	for _, h := range b.hosts {
		args = append(args, h.name)
	}
	limited, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if _, err := b.lab(limited, args...); err != nil {
		return b.gone(ctx, err)
	}
	return nil
}

// gone turns a failure to take hosts down into none when they are not there.
func (b *labBed) gone(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	list, err := b.lab(ctx, "list")
	if err != nil || strings.Contains(list, b.prefix()) {
		return errors.Join(cause, err)
	}
	return nil
}

func (b *labBed) prefix() string { return fmt.Sprintf("bench%d-", os.Getpid()) }

// next writes a release that no host has seen: for each of them the same work,
// whoever does it.
func (b *labBed) next(context.Context) error {
	b.number++
	text, err := json.Marshal(map[string]any{"work": b.weight.evaluation, "hosts": b.release()})
	if err != nil {
		return fmt.Errorf("write a release: %w", err)
	}
	return b.write(b.fleet("flake", "fleet.json"), string(text))
}

// release changes on each host a service, which is restarted, a package, a file
// of /etc and the version.
func (b *labBed) release() map[string]any {
	type unit struct {
		Text     string   `json:"text"`
		WantedBy []string `json:"wantedBy"`
	}
	type pkg struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Size    int    `json:"size"`
	}
	n := strconv.Itoa(b.number)
	app := unit{
		Text: fmt.Sprintf("[Unit]\nDescription=App\n[Service]\nExecStartPre=/bin/sleep %d\nExecStart=/bin/sleep infinity\nEnvironment=RELEASE=%s\n",
			b.weight.restart, n),
		WantedBy: []string{"multi-user.target"},
	}
	hosts := map[string]any{}
	for _, h := range b.hosts {
		hosts[h.name] = map[string]any{
			"version": fmt.Sprintf("24.11.%d.bench", 20250000+b.number),
			"units":   map[string]unit{"app.service": app}, "packages": []pkg{{"app", n, 100_000}}, "etc": map[string]string{"app.conf": n},
		}
	}
	return hosts
}

func (b *labBed) nixdeploy() contender {
	confirmed := regexp.MustCompile(fmt.Sprintf(`\bconfirmed +%d\b`, labHosts))
	return contender{
		name: "nixdeploy", prepare: b.next,
		command: func(ctx context.Context, _ int) *exec.Cmd {
			return b.command(ctx, b.workspace.nixdeploy, "apply", "--yes", "--parallel", strconv.Itoa(labHosts))
		},
		check: func(stdout string) error {
			if !confirmed.MatchString(stdout) {
				return errors.New("not all hosts were confirmed")
			}
			return nil
		},
	}
}

func (b *labBed) bare() contender {
	lines := &strings.Builder{}
	for _, h := range b.hosts {
		fmt.Fprintf(lines, "%s %s\n", h.name, h.address)
	}
	return contender{
		name: "bare switch", prepare: b.next,
		command: func(ctx context.Context, _ int) *exec.Cmd {
			cmd := b.command(ctx, "xargs", "-P", strconv.Itoa(labHosts), "-L", "1", "sh", "bare-switch")
			cmd.Stdin = strings.NewReader(lines.String())
			return cmd
		},
	}
}
