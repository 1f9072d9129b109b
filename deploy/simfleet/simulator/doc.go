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
// # What is drawn
//
// One to three stages with waves, parallel, max_failures, on_failure and soaks;
// activation switch and test-first; each boot loader, one that nobody can read,
// and containers; hosts with a past, whose three links need not agree. Systems
// that break units, the network, sshd, a snippet, a check, the boot loader or the
// time that they have. One operator or two, each with processes that are killed
// at any write of the journal and before and after any remote call, lose what
// was not synced, are interrupted once or twice, or meet a full disk; apply,
// resume and rollback after that. Links that refuse, swallow, drop before,
// during and after a script, in the middle of its answer, or are slow.
// Confirmations that arrive as the guard decides. Power cuts, also in each phase
// of a switch; killed guards and switches; switches, tests and boots by somebody
// else; addresses that lead to another machine.
//
// # What is judged, and what is elsewhere
//
//	I1  never lost      a host is up, whole, reachable, on a system it was meant to have
//	I2  agree           profile, next boot and running system are one in the end
//	I3  exact return    back is what it was when it was armed; nothing of others is undone
//	I4  radius          parallel and the failure budget hold, also in a resume
//	I5  order           stages, waves and soaks wait for the earlier ones
//	I6  identity        nothing is sent to a machine with another marker; host
//	                    keys: deploy/remote
//	I7  truth           states and exit codes are what the hosts are
//	I8  resume          after any death all is settled, nothing is switched twice
//	I9  bounded time    no stage takes longer than its plan says; nothing hangs
//	I12 one writer      nobody acts on the run or beside the lease of another
//	intent              what changes a host is on the disk before it is sent
//	replay              a journal folds to what its run was seen to be
//
// I10 (no secret in argv, logs, journal or store) and I11 (bounded memory,
// whatever a host prints) are about bytes, which nothing here has: the fault
// catalogue (scripts/faults, rows 86 to 95), deploy/remote and flake judge them
// with real processes. That the model is what the remote scripts do is what the
// contract suite (deploy/simfleet/contract) holds, against the lab's hosts too.
// Activation boot is not in the product yet.
//
// All of it is test code, so that nothing of the product can import it, and the
// product has no hook for it: bugs for the mutation check are planted by
// replacing text of source files while the test is built (mutants_test.go).
// scripts/simulate runs seeds and mutants.
package simulator
