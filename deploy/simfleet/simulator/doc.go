// Package simulator runs whole deployments of many small fleets in one process,
// in a time of their own, from a seed: the real rollout, driver, machine and
// fold over simulated hosts, links, clocks and disks. One seed is one run; the
// same seed is the same run, to the last event.
//
// A scenario is drawn from the seed (scenario_test.go) and played in a bubble of
// testing/synctest (world_test.go, operator_test.go). What can go wrong on the
// way to a host is in link_test.go, what is lost of a journal in disk_test.go.
// The oracles (oracle_*_test.go) look at the hosts themselves after each script,
// and hold the promises of the product against what they find.
//
// All of it is test code, so that nothing of the product can import it, and the
// product has no hook for it: bugs for the mutation check are planted by
// replacing source files at build time (testdata/mutants.txt). scripts/simulate
// runs seeds and mutants.
package simulator
