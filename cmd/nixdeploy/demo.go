package main

import "context"

func demoCommand() command {
	return command{
		name: "demo", usage: "deploy to a simulated fleet in this process, to see how it looks",
		about:    "Nothing outside this process is contacted and nothing is kept.",
		examples: []string{"demo"},
		run: func(ctx context.Context, in *invocation) error {
			return demo(ctx, in)
		},
	}
}
