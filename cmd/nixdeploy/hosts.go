package main

import (
	"context"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

func hostsCommand() command {
	return command{
		name: "hosts", usage: "list the hosts of the inventory",
		about:    "Contacts nothing. With --verbose or --json every resolved setting is told, with where in hosts.toml it comes from.",
		examples: []string{"hosts", "hosts --on @eu", "hosts --on web-1 --verbose", "hosts --json"},
		own:      selectFlags,
		run: func(_ context.Context, in *invocation) error {
			inv, hosts, err := in.selection()
			if err != nil {
				return err
			}
			if in.json {
				inv.Path = in.display(inv.Path)
				return in.print(string(view.JSONHosts(inv, hosts)))
			}
			return in.print(in.out.Hosts(hosts, in.verbose))
		},
	}
}
