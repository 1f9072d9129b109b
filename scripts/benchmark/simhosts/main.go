// Simhosts is a process full of simulated hosts for the benchmark, so that their
// work is not counted as nixdeploy's. It writes what is needed to reach them
// into a folder, says "ready" on standard output, and ends with its standard
// input.
//
// Usage: simhosts -n 1000 -dir DIR          each behind an SSH server of its own
//
//	simhosts -n 100 -dir DIR -socket PATH  behind OpenSSH's sshd, by forcecommand
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	f := flag.NewFlagSet("simhosts", flag.ContinueOnError)
	f.SetOutput(errOut)
	n := f.Int("n", 100, "how many hosts")
	dir := f.String("dir", ".", "the folder for hosts.toml and keys")
	socket := f.String("socket", "", "serve forcecommand here instead of SSH")
	if err := f.Parse(args); err != nil {
		return 2
	}
	serve := overSSH
	if *socket != "" {
		serve = func(hosts []simfleet.HostOptions, _ string) (io.Closer, error) {
			return listen(*socket, atLoopback(hosts))
		}
	}
	server, err := serve(hosts(*n), *dir)
	if err == nil {
		_, err = fmt.Fprintln(out, "ready")
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in)
		_ = server.Close() // the process ends
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "simhosts: %v\n", err)
		return 1
	}
	return 0
}

// hosts are ordinary ones, that nixdeploy has not seen before.
func hosts(n int) []simfleet.HostOptions {
	traits := &simfleet.Traits{}
	list := make([]simfleet.HostOptions, n)
	for i := range list {
		list[i] = simfleet.HostOptions{Hostname: fmt.Sprintf("h%d", i+1), Traits: traits}
	}
	return list
}

// overSSH starts a server for each host and writes client key, known_hosts and
// the tables of hosts.toml.
func overSSH(hosts []simfleet.HostOptions, dir string) (io.Closer, error) {
	fleet, err := simfleet.NewFleet(simfleet.FleetOptions{Hosts: hosts, Seed: "benchmark"})
	if err != nil {
		return nil, err
	}
	key, err := fleet.ClientKey()
	if err != nil {
		return nil, err
	}
	tables := fleet.HostsTOML(func(string) simfleet.Entry { return simfleet.Entry{Stage: "all", Target: "server"} })
	for name, text := range map[string]string{"client_key": string(key), "known_hosts": fleet.KnownHosts(), "hosts": tables} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return fleet, nil
}
