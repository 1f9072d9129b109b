package main

func healthFaults() []entry {
	return []entry{
		{number: 55, modes: true, title: "nothing to change, and unhealthy",
			required: "nothing is undone: 4", proofs: []string{"faults TestF55ANoOpThatIsUnhealthy", "e2e TestANoOpWhoseCheckFailsUndoesNothing", "host TestUnhealthyUnchangedHostIsNotUndone"}},
		{number: 56, modes: true, title: "nothing to change, and healthy",
			required: "nothing armed, nothing switched: 0", proofs: []string{"faults TestF56ANoOpSwitchesNothing", "host TestApplyLeavesAnUnchangedHostAlone"}},
		{number: 57, title: "the first deployment",
			required: "a host without a marker: refused without --first, 7; without a profile: 4",
			proofs:   []string{"faults TestF57AHostThatWasNeverConfirmed", "host TestAdmit"}},
		{number: 58, modes: true, title: "the host was rolled back by hand",
			required: "what runs is what is gone back to: 5", proofs: []string{"faults TestF58AHostThatWasRolledBackByHand", "e2e TestExactReturnWhereAPlainRollbackWouldMiss", "simfleet TestModelKeepsTheContract"}},
		{number: 59, modes: true, title: "health flaps",
			required: "so many passes in a row, or it fails; the same trace, the same verdict", proofs: []string{"faults TestF59HealthThatFlaps", "health TestJudge", "health TestJudgeOnAnyTrace"}},
		{number: 60, modes: true, title: "a check hangs, floods, prints binary, is no command",
			required: "deadline and caps; 126 and 127 are inconclusive, never passed",
			proofs:   []string{"faults TestF60AChecksCommandThatMisbehaves", "health TestRunReachesEachVerdict", "health TestATryThatHangsEnds", "health TestHostileOutputIsCappedAndEscaped"}},
		{number: 61, modes: true, title: "it was unhealthy before",
			required: "units: not blamed, 0; other checks must pass on the new system, else back: 5",
			proofs:   []string{"faults TestF61ItWasUnhealthyBefore", "faults TestF39WhatWasBrokenBeforeIsNotBlamed", "e2e TestACheckThatFailsLateReturnsTheHostInTheSoak"}},
		{number: 62, modes: true, title: "health fails in the soak",
			required: "back to its record, guarded; the stage stops: 5",
			proofs: []string{"faults TestF62HealthFailsInTheSoak", "e2e TestACheckThatFailsLateReturnsTheHostInTheSoak", "rollout TestAHostThatFailsInTheSoakIsReturnedAtOnce",
				"host TestReturnOfAConfirmedHostIsGuarded"}},
		{number: 63, modes: true, title: "the way back ends with exit code 4",
			required: "decided by the links: returned: 5", proofs: []string{"faults TestF63AReturnWhoseSwitchEndsWithFour"}},
		{number: 64, modes: true, title: "the way back restarts less than is needed",
			required: "units are up again, reached over a new connection", proofs: []string{"faults TestF64TheWayBackStartsUnits", "simfleet TestUnitsAreUpAfterAReturn", "lab TestNetworkBreaksAndAReturnMendsIt"},
			partly: "a unit that only a reboot would bring back"},
		{number: 65, modes: true, title: "the recorded system is gone or damaged",
			required: "refused before arm: 4", proofs: []string{"faults TestF65TheRecordedSystemIsGone"}, partly: "a damaged file inside of a store path that is there"},
		{number: 66, modes: true, title: "the guard decides at the instant of the confirmation",
			required: "one claim, made once: exactly one of both", proofs: []string{"faults TestF66TheGuardDecidesAtTheInstantOfTheConfirmation", "simfleet TestTheTableIsTheScripts", "simfleet TestModelKeepsTheContract", "faults TestF67AConfirmationThatIsLate"}},
		{number: 67, modes: true, title: "the confirmation is late by a moment, or by an hour",
			required: "returned, never called confirmed: 5",
			proofs:   []string{"faults TestF67AConfirmationThatIsLate", "host TestALateConfirmationIsNoConfirmation", "simfleet TestModelKeepsTheContract"}},
	}
}

func rolloutFaults() []entry {
	return []entry{
		{number: 68, modes: true, title: "half of a wave fails",
			required: "the rest finishes or goes back by on_failure, no further wave: 5", proofs: []string{"faults TestF68HalfOfAWaveFails", "rollout TestOnFailure", "rollout TestBudgetSpentInAWave"}},
		{number: 69, modes: true, title: "the canary passes, the second wave fails",
			required: "canaries stay or go back by on_failure, every record is told", proofs: []string{"faults TestF69TheSecondWaveFails", "rollout TestOnFailure", "rollout TestRunKeepsItsPromises"}},
		{number: 70, modes: true, title: "30 % of the hosts cannot be reached",
			required: "they count; over budget nobody begins: 4",
			proofs:   []string{"faults TestF70HostsThatCannotBeReachedCount", "rollout TestUnreachableHostsCountBeforeAnythingBegins", "e2e TestUnreachableHostsCountAgainstTheBudgetBeforeAnythingIsSwitched"}},
		{number: 71, title: "the edges of budgets",
			required: "rounded to the safer side", proofs: []string{"faults TestF71TheEdgesOfBudgets", "plan TestBudgetRoundsToTheSaferSide"}},
		{number: 72, modes: true, title: "an early stage fails",
			required: "no connection to the later ones: 5",
			proofs: []string{"faults TestF72AnEarlyStageFails", "rollout TestLaterStagesAreNotContactedBeforeTheGateOpens", "cmd TestAStageBehindAFailedOneIsNotContacted",
				"e2e TestAReleaseGoesThroughTheStagesAndABadOneStopsInDev"}},
		{number: 73, modes: true, title: "a host twice in one run",
			required: "deployed once; two stages cannot be written", proofs: []string{"faults TestF73AHostTwiceInOneRun", "rollout TestAHostNamedTwiceGoesOnce", "inventory TestProblem"}},
		{number: 74, title: "one machine under two names",
			required: "by address: 2; by machine-id: 7", proofs: []string{"faults TestF74OneMachineUnderTwoNames", "inventory TestProblem", "rollout TestTwoNamesOfOneMachine"}},
		{number: 75, title: "inventory or flake is edited meanwhile",
			required: "what was read at the start is what is applied", proofs: []string{"faults TestF75WhatIsEditedMeanwhileIsNotUsed"}},
		{number: 76, modes: true, title: "nixdeploy dies in a soak",
			required: "the rest of it is made up for by the next apply",
			proofs:   []string{"faults TestF76KilledInTheSoak", "cmd TestASoakThatWasCutShortIsMadeUpFor", "rollout TestOwedSoak", "rollout TestAnOwedSoakIsFinished"}},
	}
}

func concurrencyFaults() []entry {
	return []entry{
		{number: 77, modes: true, title: "two operators, two machines, one host",
			required: "one goes on, the other is told who, since when, until when: 3",
			proofs:   []string{"faults TestF77ASecondOperator", "faults TestCrashMatrix", "e2e TestASecondOperatorIsToldWhenTheGuardDecides"}},
		{number: 78, title: "the owner of a lock is dead, or its host restarted",
			required: "gone by itself: 0", proofs: []string{"faults TestF78ADeadOwner", "simfleet TestALeaseKnowsItsBeginning"}},
		{number: 79, modes: true, title: "nixos-rebuild by hand, at any step",
			required: "before arm: 3 or 4; after it: 6; nothing of theirs is undone",
			proofs:   []string{"faults TestF79AManualSwitchMeanwhile", "faults TestF51AChangeOfSomebodyElse"}},
		{number: 80, modes: true, title: "the upgrade timer fires",
			required: "seen as 47: 3", proofs: []string{"faults TestF80AutoUpgradeInTheWindow"}},
	}
}

func inputFaults() []entry {
	return []entry{
		{number: 81, title: "broken inventories: duplicates, unknown keys, types, bombs, sizes",
			required: "all problems with line and column, nothing contacted: 2",
			proofs: []string{"faults TestF81AnInventoryThatIsBroken", "inventory TestEveryProblemIsReportedAtOnce", "inventory TestProblem", "inventory TestBombs",
				"inventory TestByteOrderMarkAndCRLF", "inventory TestHundredThousandHosts"}},
		{number: 82, title: "hostile hosts, users, paths, names",
			required: "refused, nothing is run: 2",
			proofs:   []string{"faults TestF82HostileNames", "inventory TestHostileNamesAreRefused", "remote TestHostileDestinations", "flake TestHostileValuesStayData"}},
		{number: 83, title: "a selection of nobody", required: "an error, not success: 2",
			proofs: []string{"faults TestF83ASelectionOfNobody", "inventory TestSelectRefuses"}},
		{number: 84, title: "hosts.toml is writable for everybody, or somebody else's",
			required: "refused: 2", proofs: []string{"faults TestF84AnInventoryOfEverybody", "cmd TestWhoseInventoryIsTrusted"}},
		{number: 85, title: "flakes with odd files",
			required: "exactly what git tracks, the hash of Nix, or a refusal that names the file",
			proofs: []string{"faults TestF85FlakesWithOddFiles", "flake TestOpenReadsWhatGitTracks", "flake TestCheckFilesRefuses", "flake TestOpenRefusesASparseCheckout", "flake TestOpenRefusesTooMuch",
				"flake TestPackKeepsTheHash", "flake TestHashIsThatOfNix"}},
	}
}

func hostileFaults() []entry {
	return []entry{
		{number: 86, title: "a changed host key", required: "no authentication is tried: 7",
			proofs: []string{"faults TestF86AChangedHostKey", "remote TestSwappedKeyOnReconnect", "e2e TestAChangedHostKeyIsRefused"}},
		{number: 87, modes: true, title: "an unsigned store path", required: "refused by the host's Nix: 4",
			proofs: []string{"faults TestF87AnUnsignedStorePath"}},
		{number: 88, title: "sudo wants a password, a terminal, or somebody else",
			required: "said, nothing asked, untouched: 4", proofs: []string{"faults TestF88AUserWhoMayNotElevate", "remote TestElevation", "e2e TestAUserWithoutSudoIsToldSo"}},
		{number: 89, modes: true, title: "odd login shells: banners, fish, nologin, exit 0",
			required: "no matter, or a clear error: 4",
			proofs:   []string{"faults TestF89OddLoginShells", "remote TestOddLoginShells", "remote TestLoginShells", "remote TestRealNologin", "e2e TestAnUnprivilegedUserWithSudoAndAnOddShell"}},
		{number: 90, title: "output without end, without a newline", required: "bounded memory, others unaffected",
			proofs: []string{"faults TestF90OutputWithoutEnd", "remote TestReadLines"}, partly: "a quarter of a GB of the ten"},
		{number: 91, title: "control characters and lines that pretend", required: "believed in nothing, shown escaped: 0",
			proofs: []string{"faults TestF91OutputThatPretends", "nixos TestOnlyNoncedLinesAreAnswers", "view TestClean", "view TestNoLineBeginsWithForeignText"}},
		{number: 92, title: "a server that runs nothing and says success", required: "no nonce, no answer: 4, or 5 when other hosts were changed",
			proofs: []string{"faults TestF92ACommandThatIsNotRun", "remote TestRealForceCommand"}},
		{number: 93, title: "a host that lies about what it runs", required: "out of scope, and documented; no other host is affected",
			proofs: []string{"faults TestF93AHostThatLies"}},
		{number: 94, title: "a server that asks for channels", required: "each refused, none opened",
			proofs: []string{"faults TestF94AServerThatAsksForChannels", "remote TestServerAskingForChannels"}, partly: "windows, which are the library's; a million of channels only with --all"},
		{number: 95, title: "another machine behind the address", required: "nothing is sent: 7",
			proofs: []string{"faults TestF95AnotherMachineBehindTheAddress", "e2e TestSwappedAddressesAreRefused"}},
	}
}
