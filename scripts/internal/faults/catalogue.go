package main

import "slices"

// entry is one fault of the catalogue: what is done to a deployment, what has to
// come of it, and which tests show that it does.
type entry struct {
	number   int
	title    string
	required string   // the outcome, in the words and exit codes of the design
	proofs   []string // "package Test"
	modes    bool     // it matters in which activation: both have to be shown
	// notRun says why nothing shows it; partly names what of it nothing shows.
	notRun, partly string
}

// packages are the short names that proofs use.
var packages = map[string]string{
	"faults": "./scripts/internal/faults", "e2e": "./scripts/lab/e2e", "lab": "./scripts/lab",
	"cmd": "./cmd/nixdeploy", "view": "./cmd/nixdeploy/internal/view",
	"remote": "./deploy/remote", "host": "./deploy/host", "health": "./deploy/health", "journal": "./deploy/journal",
	"nixos": "./deploy/nixos", "plan": "./deploy/plan", "rollout": "./deploy/rollout", "simfleet": "./deploy/simfleet",
	"inventory": "./inventory", "flake": "./flake",
}

// catalogue lists all faults in the order of their numbers.
func catalogue() []entry {
	return slices.Concat(linkFaults(), deployerFaults(), targetFaults(), healthFaults(),
		rolloutFaults(), concurrencyFaults(), inputFaults(), hostileFaults())
}

func linkFaults() []entry {
	return []entry{
		{number: 1, title: "refused, no such name, no route, before any change",
			required: "untouched, counts against the budget before anybody begins: 4",
			proofs:   []string{"faults TestF01AHostThatRefusesIsUntouchedAndCounts", "remote TestDialRetries", "remote TestDialToNowhere", "e2e TestUnreachableHostsCountAgainstTheBudgetBeforeAnythingIsSwitched"}},
		{number: 2, title: "TCP opens, and nothing is said",
			required: "the handshake's own deadline, then as 1; others do not wait",
			proofs:   []string{"faults TestF02AServerThatSaysNothing", "remote TestDialFaults", "rollout TestOneErrorDoesNotStopItsSiblings"}},
		{number: 3, title: "dropped in key exchange, authentication, at a channel",
			required: "at most one more try, then as 1",
			proofs:   []string{"faults TestF03ADropBeforeASessionIsTriedOnceMore", "remote TestDialFaults", "remote TestDialRetries"}},
		{number: 4, title: "dropped in the upload: at its start, in its middle, at its end",
			required: "untouched: 4; a part is never used, the next run uploads anew",
			proofs:   []string{"faults TestF04ADropInTheUpload", "simfleet TestCorruptUploadsAreNoticed"}},
		{number: 5, title: "dropped in dry-build or build",
			required: "untouched: 4", partly: "that the host's own build process is gone after 60 s",
			proofs: []string{"faults TestF05ADropInTheBuild"}},
		{number: 6, modes: true, title: "dropped at the switch: before it runs, running, finished",
			required: "the host is asked by run id; confirmed, switched once: 0",
			proofs:   []string{"faults TestF06ADropAtTheSwitch", "host TestConnectionLostAfterTheSwitchWasSent", "host TestConnectionLostWhileTheSwitchIsSent"}},
		{number: 7, modes: true, title: "dropped in the health checks",
			required: "goes on over a new connection: 0; without one the guard returns the host: 5",
			proofs:   []string{"faults TestF07ADropInTheHealthCheck", "faults TestF07NoLinkAfterTheSwitchIsTheGuards", "host TestChecksGoOnOverANewConnection"}},
		{number: 8, modes: true, title: "dropped in the confirmation",
			required: "asked again, confirmed once: 0",
			proofs:   []string{"faults TestF08ADropInTheConfirmation", "host TestConnectionLostInTheConfirmationIsAskedAgain"}},
		{number: 9, modes: true, title: "dropped in the return",
			required: "the host finishes it alone; returned, read back: 5",
			proofs:   []string{"faults TestF09ADropInTheReturn"}},
		{number: 10, modes: true, title: "the new system breaks the network",
			required: "no new connection, so the guard returns the host: 5",
			proofs:   []string{"faults TestF10ASystemThatBreaksTheNetwork", "simfleet TestABrokenNetworkComesBackByItself", "e2e TestABrokenNetworkIsMendedByTheGuard"}},
		{number: 11, modes: true, title: "the new system changes its SSH port, address or host key",
			required: "as 10: no change of these can be declared; 5, or 7 while the key is another",
			proofs:   []string{"faults TestF11AnotherHostKeyAfterTheSwitch", "e2e TestABrokenNetworkIsMendedByTheGuard"}},
		{number: 12, modes: true, title: "300 ms away, lossy, 64 kbit/s",
			required: "what moves is never called dead; a deadline each, none in all: 0",
			proofs:   []string{"faults TestF12AWholeRunOverABadLink", "remote TestKeepaliveOfSlowTransfer", "remote TestKeepaliveOfBusyConnection"},
		},
		{number: 13, modes: true, title: "half open: the peer is gone without a word",
			required: "noticed by keepalives, 15 s each, three of them",
			proofs:   []string{"faults TestF13AHalfOpenConnection", "faults TestF13AHalfOpenConnectionInTheBuild", "remote TestHalfOpenConnection", "remote TestKeepaliveNoticesDeath"}},
		{number: 14, modes: true, title: "MaxSessions, MaxStartups and penalties at their smallest",
			required: "one connection and a fresh one a host, one session at a time: 0",
			proofs:   []string{"faults TestF14TheSmallestLimits", "remote TestRealJumpAndOneSession"},
			partly:   "PerSourcePenalties, which this OpenSSH need not have: shown is that nothing earns one"},
		{number: 15, modes: true, title: "a jump host dies with many behind it",
			required: "those that are armed return alone, and are told so: 5; one deadline for all of them, not one each",
			proofs:   []string{"faults TestF15AJumpHostDies", "remote TestDeadJumpHostFailsOnce", "remote TestJumpHostComesBack", "remote TestJumpRefusalIsNotTheHosts"}},
	}
}

func deployerFaults() []entry {
	killed := func(number int, when, test, required string, more ...string) entry {
		return entry{number: number, modes: true, title: "kill -9 " + when, required: required, proofs: append([]string{"faults " + test, "faults TestCrashMatrix"}, more...)}
	}
	const settles = "; apply then exits 0, no run switches twice"
	return []entry{
		killed(16, "before the lock", "TestF16KilledBeforeTheLock", "resume: nothing to settle, 0 or 4"+settles),
		killed(17, "with the flake uploaded", "TestF17KilledWithTheFlakeUploaded", "resume: untouched, 4; the dead run's lock is taken over"+settles),
		killed(18, "with the system built", "TestF18KilledWithTheSystemBuilt", "resume: untouched, 4"+settles),
		killed(19, "when armed", "TestF19KilledWhenArmed", "resume returns it, 5; else its guard does"+settles),
		killed(20, "with the intent of the switch written", "TestF20KilledWithTheIntentWritten", "resume returns it, 5"+settles),
		killed(21, "when the switch was sent", "TestF21KilledWhenTheSwitchWasSent", "resume confirms it, 0"+settles, "e2e TestABrokenNetworkIsMendedThoughNixdeployIsKilled"),
		killed(22, "when the new system runs", "TestF22KilledWhenTheNewSystemRuns", "resume confirms it, 0"+settles, "e2e TestResumeSettlesWhatAKilledRunLeft", "faults TestF22ARollbackOfWhatAKilledRunLeft"),
		killed(23, "when healthy", "TestF23KilledWhenHealthy", "resume confirms it, 0"+settles, "e2e TestApplyAfterAKillConfirmsWithoutASecondSwitch"),
		killed(24, "in the confirmation", "TestF24KilledInTheConfirmation", "resume: confirmed, 0"+settles),
		{number: 25, title: "SIGINT once and twice, SIGTERM, SIGHUP",
			required: "once: no host begins, those in flight finish, 130; twice: left to their guards, 130",
			proofs: []string{"faults TestF25Interruptions", "faults TestF25AClosedPipe", "faults TestF25AClosedTerminal", "faults TestF25ARunUnderNohup", "faults TestF25TheSecondInterruptionLetsGo", "cmd TestTheFirstInterruptionBeginsNoFurtherHost",
				"cmd TestTheSecondInterruptionLeavesHostsToTheirGuards", "e2e TestAnInterruptionBeginsNoFurtherHost"}},
		{number: 26, modes: true, title: "out of memory, or a panic in one host's goroutine",
			required: "others end cleanly, the stack is in the run's file: 1; resume finds the host and settles it: 0",
			proofs:   []string{"faults TestF26APanicInOneHostsGoroutine", "rollout TestPanicsOfAnyMethodCostOneHost", "faults TestCrashMatrix"}},
		{number: 27, modes: true, title: "the control machine sleeps for ten minutes",
			required: "returned by its guard, and told so, never confirmed: 5",
			proofs:   []string{"faults TestF27ASleepingLaptop", "host TestALateConfirmationIsNoConfirmation"}},
		{number: 28, modes: true, title: "the journal cannot be written",
			required: "before: nothing is contacted, 4; in mid-run: no step whose intent is not on disk, no further host; hosts in flight finish or are left to guards: 5 or 6, all told on the terminal",
			proofs: []string{"faults TestF28ADiskThatRunsFull", "faults TestF28AFullDiskInAResume", "faults TestF28AStateFolderThatCannotBeWritten", "cmd TestARunThatCannotBeWrittenDownContactsNothing",
				"rollout TestAJournalThatCannotBeWritten", "journal TestAFailedDiskIsFinal"}},
		{number: 29, modes: true, title: "a journal that is torn, flipped, emptied, another run's, newer",
			required: "a torn tail is dropped; else refused with its path, and rebuilt from the hosts; apply believes the hosts",
			proofs: []string{"faults TestF29ADamagedJournal", "faults TestF29ADamagedJournalIsRebuiltFromTheHosts", "journal TestADamagedJournalIsReplacedAndKept", "journal TestATornEndIsDropped", "journal TestATailOfZerosOrNoiseIsDropped",
				"journal TestADamagedMiddleIsRefused", "journal TestANewerJournalIsRefusedByItsVersion"}},
		{number: 30, modes: true, title: "the journal is deleted",
			required: "no switch until the guard has decided: 3; then 0",
			proofs:   []string{"faults TestF30AJournalThatIsGone", "faults TestF30ARunOfAMachineThatIsGone"}},
		{number: 31, modes: true, title: "another nixdeploy between crash and resume",
			required: "an older journal is read, a newer one refused by its version",
			proofs:   []string{"faults TestF31AnotherNixdeployBetweenCrashAndResume", "journal TestANewerJournalIsRefusedByItsVersion", "journal TestFieldsOfANewerMinorAreSkipped"}},
	}
}

func targetFaults() []entry {
	return []entry{
		{number: 32, modes: true, title: "power cut in upload or build",
			required: "switch, test-first: boots what it had: 4", proofs: []string{"faults TestF32APowerCutBeforeTheSwitch", "e2e TestAPowerCutAtEveryStep"}},
		{number: 33, modes: true, title: "power cut in the activation",
			required: "switch: the guard outlives it and returns the host: 5; test-first: the boot itself is the return: 5",
			proofs: []string{"faults TestF33APowerCutInTheActivation", "faults TestF33InTestFirstABootIsTheReturn", "simfleet TestWhereverItIsCutTheHostComesBack",
				"e2e TestAPowerCutBeforeTheConfirmationReturnsTheHost", "e2e TestAPowerCutIsNoticedByARunningNixdeploy", "e2e TestAPowerCutAtEveryStep"}},
		{number: 34, modes: true, title: "power cut in the confirmation",
			required: "switch: confirmed or returned; test-first: between profile and boot loader, too; the links agree, exit 0 or 5 as told",
			proofs:   []string{"faults TestF34APowerCutInTheConfirmation", "e2e TestAPowerCutAtEveryStep"}},
		{number: 35, modes: true, title: "a reboot in the soak",
			required: "switch, test-first: stays when healthy, 0; else back, 5", proofs: []string{"faults TestF35ARebootInTheSoak", "e2e TestAPowerCutAtEveryStep", "e2e TestAHostThatIsUnwellAfterARebootInTheSoakIsReturned"}},
		{number: 36, modes: true, title: "the new system does not boot",
			required: "switch: stranded, with what to do at its console: 6, and returned once it boots the older generation; test-first: boots what it had: 5",
			proofs: []string{"faults TestF36ASystemThatDoesNotBoot", "host TestAHostThatNeverAnswersAgainIsStranded", "simfleet TestABootThatHangs", "simfleet TestWhatIsRebootedOnTheWayBack",
				"e2e TestASystemThatDoesNotBootIsReturnedFromTheBootMenu"},
		},
		{number: 37, modes: true, title: "an activation that hangs",
			required: "stopped at activation_timeout and returned: 5",
			proofs:   []string{"faults TestF37AHungActivation", "e2e TestAHangingSwitchIsReturned"}},
		{number: 38, modes: true, title: "the return hangs or fails, too",
			required: "bounded; stranded, with the command that mends it: 6; resume returns it once that works: 5",
			proofs:   []string{"faults TestF38AReturnThatFails", "simfleet TestAReturnIsBounded", "simfleet TestStrandedUntilAskedAgain"}},
		{number: 39, modes: true, title: "exit code 4 by a unit that had failed before",
			required: "not blamed: 0", proofs: []string{"faults TestF39WhatWasBrokenBeforeIsNotBlamed"}},
		{number: 40, modes: true, title: "exit code 4 by a unit that fails now",
			required: "returned, the unit named: 5", partly: "the unit's log lines; there is no mode that only warns",
			proofs: []string{"faults TestF40AUnitThatFailsNow", "e2e TestAUnitThatFailsToStartIsReturned"}},
		{number: 41, modes: true, title: "a unit between restarts for ever",
			required: "never passes: returned: 5",
			proofs:   []string{"faults TestF41AUnitThatRestartsForEver", "health TestJudgeOfUnitsEndsEarlyOnADefiniteFailure", "rollout TestInconclusiveIsAskedAgainButNeverPasses"}},
		{number: 42, modes: true, title: "the boot partition is full: exit code 1",
			required: "profile, running and next boot as before: 5",
			proofs:   []string{"faults TestF42ABootPartitionThatIsFull", "e2e TestAFullBootPartitionIsReturned"}},
		{number: 43, modes: true, title: "the boot partition is full, but exit code 0",
			required: "the links are read, not the code: returned: 5",
			proofs:   []string{"faults TestF43ABootPartitionThatIsFullInSilence", "host TestJudgeSwitchReadsLinksNotExitCodes", "host TestASwitchThatMissesReturnsTheHost"}},
		{number: 44, title: "no space: upload, build, activation, /run",
			required: "said in the plan; in upload and build untouched: 4", proofs: []string{"faults TestF44NoSpaceForTheBuild", "plan TestNotes"},
			partly: "a full /run, and a full / in the activation; free space is noted, not compared with the closure"},
		{number: 45, title: "/nix read-only, no inodes, a quota",
			required: "untouched: 4", proofs: []string{"faults TestF45AStoreThatCannotBeWritten"}, partly: "a real store without inodes or over its quota: the simulated host says their words"},
		{number: 46, modes: true, title: "exit code 100: the new init needs a reboot",
			required: "switch, test-first: returned, since it cannot be proven running: 5",
			proofs:   []string{"faults TestF46ASystemThatNeedsAReboot", "e2e TestAHalfActivationIsReturned"}, partly: "activation = \"boot\""},
		{number: 47, modes: true, title: "exit code 11: somebody else switches",
			required: "left alone: 3", proofs: []string{"faults TestF47ASwitchOfSomebodyElseUnderWay", "lab TestLoserOfTwoSwitchesMovesTheProfileOnly"}},
		{number: 48, modes: true, title: "exit codes 101, 137, 143, 255, or none",
			required: "decided by the links: 5", proofs: []string{"faults TestF48ASwitchThatDies", "host TestJudgeSwitchReadsLinksNotExitCodes"}},
		{number: 49, modes: true, title: "garbage collection between copy and switch, or of the way back",
			required: "what is needed is pinned; no way back: refused before arm: 4",
			proofs:   []string{"faults TestF49TheWayBackWasCollected", "nixos TestArmRefusals"}},
		{number: 50, modes: true, title: "nix-daemon restarts in the switch",
			required: "tolerated; where it does not come back: returned: 5", proofs: []string{"e2e TestF50TheNixDaemonRestartsInTheSwitch"}},
		{number: 51, modes: true, title: "running is neither the recorded nor the wanted system",
			required: "nothing of theirs is undone: 6",
			proofs:   []string{"faults TestF51AChangeOfSomebodyElse", "simfleet TestModelKeepsTheContract", "nixos TestArmRefusals"}},
		{number: 52, modes: true, title: "the host's clock is wrong, or jumps", required: "no decision by the wall clock",
			proofs: []string{"faults TestF52AHostsClockThatIsWrong"}},
		{number: 53, title: "a host twenty times slower",
			required: "no other host waits for it: 0", proofs: []string{"faults TestF53ASlowHost", "simfleet TestASlowHost"}},
		{number: 54, title: "no nixos-rebuild, not NixOS, another architecture",
			required: "untouched: 4", proofs: []string{"faults TestF54AHostThatIsNotFit", "host TestAdmit"}},
	}
}
