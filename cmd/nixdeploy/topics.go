package main

// topic is a page of help that belongs to no single command.
type topic struct{ name, text string }

func topicNames() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return names
}

func topics() []topic {
	return []topic{
		{"exit-codes", "Exit codes of nixdeploy:\n\n" + exitTable() + `
If several apply, the first of these counts: 1, 7, 6, 130, 5, 4, 3.
`},
		{"selectors", `Which hosts a command works on:

  --on web-1            a host by its name
  --on 'web-*'          names by a glob: *, ? and [a-z]
  --on @eu              hosts with a tag
  --on '@eu,!web-1'     without one
  --on web-1 --on db-1  may be repeated; commas separate as well
  --stage prod          only the hosts of a stage

Without either it is the whole fleet, stage after stage.
`},
		{"environment", `Environment variables that nixdeploy reads:

  NIXDEPLOY_INVENTORY   the inventory, when --file is not given
  NIXDEPLOY_STATE_DIR   where runs are remembered; else
                        $XDG_STATE_HOME/nixdeploy, else ~/.local/state/nixdeploy
  NO_COLOR              when not empty: no colour
  TERM                  "dumb" or empty: no colour
  LC_ALL LC_CTYPE LANG  not UTF-8: plain ASCII
  TZ                    the zone of the times of past runs; else the machine's
  HOME                  ~ of paths; hosts.toml is not looked for above it
  USER                  who you are, where the system has no name for you
  PATH                  nix, git, ssh and ssh-keygen
  SSH_AUTH_SOCK         the ssh agent

No variable gives a consent: none says yes, trusts a key or skips a gate.
`},
		{"output", `The answer goes to stdout (the plan, the summary, a table, JSON), everything
else to stderr (progress, questions, errors).

--json prints one document, or for apply, rollback and resume one JSON object
per line: first {"type":"version"}, then the events, last {"type":"report"}.
Ignore fields that you do not know: new ones may come at any time.

What hosts print is shown with control characters escaped and after their name.
`},
	}
}
