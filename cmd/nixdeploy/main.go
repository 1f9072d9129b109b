// Command nixdeploy deploys NixOS fleets in stages, with automatic rollback.
package main

import "os"

func main() { os.Exit(0) }
