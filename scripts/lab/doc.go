// Package lab gives tests real hosts: NixOS-shaped machines with a real systemd
// as PID 1, a real sshd and a real nix, in namespaces of this machine. It drives
// the script scripts/lab/lab, which can be used by hand as well.
//
// Tests only: nothing of the product imports this package.
package lab
