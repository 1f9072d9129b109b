package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

// version is set by the linker (-X main.version=...), else "".
var version string

func versionCommand() command {
	return command{
		name: "version", usage: "print the version", examples: []string{"version"},
		run: func(_ context.Context, in *invocation) error {
			if in.json {
				return in.print(string(view.JSONVersion(versionNumber())))
			}
			return in.print(versionLine() + "\n")
		},
	}
}

// versionNumber is the release, or the commit that this was built from.
func versionNumber() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func versionLine() string {
	return fmt.Sprintf("nixdeploy %s (%s, %s/%s)", versionNumber(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
