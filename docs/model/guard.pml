/*
 * The guard, the claim, confirm and the lock of one host, as a model for spin.
 *
 * What is modelled, what is left out and what was found is in README.md; ./check
 * runs it. A comment "FILE: TAG" names the line of deploy/nixos/scripts that a
 * transition stands for, which ends in "# model: TAG"; tags_test.go holds the
 * two together. "world: ..." is what nobody wrote a line for.
 *
 * Options (-D): TEST_FIRST, the other mode. ETC_IS_LOST, with each boot.
 * NO_DISK, none that takes the claim of a return. SECOND, a second operator. ARMS=n,
 * how often the arm of run A may arrive. FAULTS=n, how many faults of any kind
 * strike. MUTANT_x, a planted bug: ./check has the list. ONLY=x, one property.
 */

#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef ARMS
#define ARMS 1
#endif

/* Systems. */
#define P 0 /* what the host has, the record of run A */
#define T 1 /* what run A wants */
#define U 2 /* what run B wants */
#define NOTHING 9

/* Runs. A has a deployer that may do anything at any time. B is of a second
 * operator, who arms and starts and is not heard of again. */
#define NOBODY 0
#define A 1
#define B 2
#define WANTED(r) (r == A -> T : U)

mtype = { none, confirm, back, confirmed, returned, stranded }; /* claims, results */
mtype = { test, boot, switch_ };                                /* what an activation does */
mtype = { down, asked, up };                                    /* a unit */

/* The properties, each an assertion by name: replaying a trail prints it. */
mtype = { never_both, never_neither, unclaimed_on_record, confirmed_stays, confirmed_is_new,
	returned_is_exact, two_writers_never };

/* -DONLY=name looks at that one alone: of what a planted bug violates, the search
 * comes to any first. */
#ifdef ONLY
#define LOOKS_AT(name) (name == ONLY)
#else
#define LOOKS_AT(name) true
#endif
#define MUST(name, condition) \
	if :: (condition) || !LOOKS_AT(name) :: else -> printf("VIOLATED %e\n", name); assert(false) fi

/* ---- the host ------------------------------------------------------------- */

/* X_d is what a power cut leaves for certain: what is only in the page cache may
 * be on the disk or not. What has no X_d is synced in the step that writes it,
 * or its loss changes nothing. */
byte profile = P, profile_d = P, next = P, next_d = P;
byte running = P, booted = P;
bit half;  /* an activation was cut: units may be down though no link tells */

byte folder = NOBODY, folder_d = NOBODY; /* active/, the one unresolved run */
mtype claim = none, claim_d = none, result = none, result_d = none;
byte record, record_booted;
bit started, ended, bad;     /* active/started; switch.rc is there; it is not 0 */
bit this_boot, rebooted;     /* armed in this boot; active/rebooted */
bit marked;                  /* active/half, of this boot: a way back began, and did not end */
bit due;                     /* the deadline has passed */
bit unit;                    /* the guard's unit file, with what wants it at boot */

byte flock;                  /* which process holds the short lock */
byte lease;                  /* volatile, and it expires */
byte stc_lock;               /* switch-to-configuration's own */

/* ---- processes of the host ------------------------------------------------ */

#define SESSION 1
#define GUARD 2
bit busy, kill_session;
mtype guard = down;          bit kill_guard;
mtype switcher = down;       bit kill_switcher; byte switching; /* for which run */
mtype way = down;            bit kill_way, way_bad; mtype way_how; byte way_to;

/* ---- the world ------------------------------------------------------------ */

byte faults = FAULTS;
bit no_way;                  /* an activation by the guard failed */
byte arms = ARMS;            /* how often A's arm may still arrive */
bit armed_yes, healthy;      /* what A's deployer heard, and saw */
#ifdef SECOND
byte arms_b = 1;
bit armed_b;
#define SAY_B armed_b = 1
#else
#define arms_b 0
#define SAY_B skip
#endif

/* ---- what only the properties look at ------------------------------------- */

#ifdef ETC_IS_LOST
bit kicked;                  /* somebody asked since the unit was lost */
#define LOSE_UNIT unit = 0; kicked = 0
#define UNHEARD (!unit && !kicked)
#else
#define LOSE_UNIT skip
#define UNHEARD false
#endif

byte promised = NOTHING;     /* the system that a durable result promises */
mtype acted = none;          /* the claim that was acted on */
bit going_back;
bit arm_killed;              /* between the run folder and the start of its guard */

#ifdef MUTANT_CLAIM_NOT_SYNCED
#define SYNC_CLAIM skip
#elif defined(NO_DISK)
#define SYNC_CLAIM if :: claim == back -> skip :: else -> claim_d = claim fi /* guard.sh: claim-volatile */
#else
#define SYNC_CLAIM claim_d = claim
#endif
#define ALL(s) (profile == s && next == s && running == s)
#define ON_RECORD ALL(record)
#ifdef TEST_FIRST
#define SYSTEM_NEW (!marked && running == WANTED(folder))
#else
#define SYSTEM_NEW (!marked && ALL(WANTED(folder)))
#endif

#define CLEAN \
	claim = none; claim_d = none; result = none; result_d = none; acted = none; \
	started = 0; ended = 0; bad = 0; rebooted = 0; marked = 0; this_boot = 0; due = 0

/* lib.sh: unclaimed. A result without a claim: that of the return was lost with a boot. */
#ifdef MUTANT_RESULT_IS_NO_CLAIM
#define UNCLAIMED (claim == none)
#else
#define UNCLAIMED (claim == none && result == none)
#endif
#define LINKED MUST(confirmed_stays, promised == NOTHING || ALL(promised))
#define FORWARD(r) MUST(two_writers_never, r == NOBODY || (folder == r && !going_back))
#define ACT(c) MUST(never_both, acted == none || acted == c); acted = c

/* A host is locked while a lease of another is live, or a run folder stands. */
#ifdef SECOND
#ifdef MUTANT_LEASE_IS_THE_LOCK
#define LOCK_FREE(r) (lease == NOBODY || lease == r)
#else
#define LOCK_FREE(r) ((lease == NOBODY || lease == r) && (folder == NOBODY || folder == r))
#endif
#define TAKE_LEASE(r) lease = r /* lib.sh: lease */
#else
#define LOCK_FREE(r) (folder == NOBODY || folder == r)
#define TAKE_LEASE(r) skip
#endif

/* ---- switch-to-configuration ------------------------------------------------ */

/* Its lock, the boot loader, sync, units down, the running system, units up. It
 * may fail, and be stopped or cut, between any two of these. */
inline activate(me, to, how, failed, r) {
	atomic {
		if
		:: stc_lock != 0 -> failed = 1
		:: stc_lock == 0 -> stc_lock = me
		fi };
	if
	:: atomic { !failed && how != test -> FORWARD(r); next = to; LINKED };
		atomic { profile_d = profile; next_d = next }
	:: atomic { !failed && faults > 0 -> faults--; failed = 1 }
	:: failed || how == test
	fi;
	if
	:: atomic { !failed && how != boot -> FORWARD(r); half = 1; running = to; LINKED };
		if
		:: half = 0
		:: atomic { faults > 0 -> faults--; failed = 1 }
		fi
	:: failed || how == boot
	fi;
	atomic { if :: stc_lock == me -> stc_lock = 0 :: else fi }
}

/* The unit of the switch. */
active proctype Switch() {
	bit failed;
end:	do
	:: atomic { switcher == asked -> switcher = up; failed = 0 };
		{
#ifdef TEST_FIRST
			activate(1, WANTED(switching), test, failed, switching); /* guard.sh: switch */
#else
			atomic { FORWARD(switching); profile = WANTED(switching); LINKED }; /* guard.sh: switch-profile */
			activate(1, WANTED(switching), switch_, failed, switching); /* guard.sh: switch-exact */
#endif
			atomic { if :: folder == switching && claim == none -> due = 0 :: else fi }; /* guard.sh: switch-extends */
			atomic { /* guard.sh: switch-ended */
				if :: folder == switching -> ended = 1; bad = failed :: else fi;
				switcher = down; switching = NOBODY; failed = 0 }
		} unless { atomic { kill_switcher ->
			kill_switcher = 0; failed = 0; switching = NOBODY;
			if :: stc_lock == 1 -> stc_lock = 0 :: else fi;
			switcher = down } }
	od
}

/* The unit in which the guard activates: a killed guard leaves it behind. */
active proctype Way() {
end:	do
	:: atomic { way == asked -> way = up; way_bad = 0 };
		{
			activate(2, way_to, way_how, way_bad, NOBODY);
			atomic {
				if
				:: way_bad -> no_way = 1; half = 0 /* it ended, and said so */
				:: else
				fi;
				way = down }
		} unless { atomic { kill_way ->
			kill_way = 0; way_bad = 1;
			if :: stc_lock == 2 -> stc_lock = 0 :: else fi;
			way = down } }
	od
}

/* ---- power ------------------------------------------------------------------ */

#define KEEP(now, disk) if :: now != disk -> now = disk :: true -> disk = now fi

/* Inside atomic. What was not synced is there or not, every process is dead, the
 * host boots, and basic.target wants the guard's unit. */
inline boots() {
	running = next; booted = next; half = 0; marked = 0;
	this_boot = 0; due = 0; flock = 0; lease = NOBODY; stc_lock = 0; going_back = 0; ended = 0; bad = 0;
	kill_switcher = (switcher == up); kill_way = (way == up);
	if :: switcher == asked -> switcher = down; switching = NOBODY :: else fi;
	if :: way == asked -> way = down :: else fi;
	kill_session = busy;
	LOSE_UNIT;
	LINKED
}

inline power_cut() {
	KEEP(profile, profile_d); KEEP(next, next_d); KEEP(folder, folder_d);
	KEEP(claim, claim_d); KEEP(result, result_d);
#ifdef NO_DISK
	if :: claim == none -> acted = none :: else fi; /* it lasted as long as the boot */
#endif
	boots();
	if
	:: guard == up -> kill_guard = 1
#ifdef MUTANT_GUARD_IS_VOLATILE
	:: else -> guard = down; unit = 0
#else
	:: else -> guard = (unit && folder != NOBODY -> asked : down)
#endif
	fi
}

/* ---- the guard ---------------------------------------------------------------- */

#define BACK_THERE (ON_RECORD && !mend)
#define FREE(what) atomic { flock == 0 -> flock = what }

/* systemctl stop: waits for the end. */
#define STOP(unit, flag) \
	atomic { if :: unit == up -> flag = 1 :: unit == asked -> unit = down :: else fi }; \
	unit == down

inline by_guard(to, how) {
	atomic { /* return.sh: activate */
		if
		:: way != down -> kept_out = 1 /* a leftover has the lock: exit code 11 */
		:: way == down -> way = asked; way_to = to; way_how = how; kept_out = 0
		fi };
	if
	:: kept_out
	:: !kept_out && way == down
	fi
}

inline durable_result() {
	atomic {
		claim_d = claim; result_d = result;
		if :: result == confirmed -> promised = T :: result == returned -> promised = record :: else fi }
}

inline write_result(word) {
#ifndef MUTANT_LINKS_NOT_SYNCED
	profile_d = profile; /* guard.sh: result-profile */
	next_d = next; /* guard.sh: result-loader */
#endif
	atomic { /* guard.sh: result */
		result = word; going_back = 0;
		MUST(unclaimed_on_record, word != confirmed || (claim == confirm && healthy && r == A));
		MUST(confirmed_is_new, word != confirmed || (ALL(T) && !half));
		MUST(returned_is_exact, word != returned || (ON_RECORD && !half)) };
	durable_result() /* guard.sh: result-durable */
}

/* Cut in the middle it leaves units down, so the guard that comes after has to
 * know. What failed by itself went to its end: a repeat would fail there, too. */
inline activate_running(how) {
	marked = 1; /* return.sh: return-mark */
	by_guard(record, how);
	atomic { if :: !kept_out -> marked = 0; mend = 0 :: else fi } /* return.sh: return-mended */
}

inline exact_return() {
	atomic { profile = record; LINKED }; /* return.sh: return-profile */
	if
	:: next != record && (running != record || mend) -> activate_running(switch_) /* return.sh: return-switch */
	:: next != record && running == record && !mend -> by_guard(record, boot) /* return.sh: return-boot */
	:: next == record && (running != record || mend) -> activate_running(test) /* return.sh: return-test */
	:: next == record && running == record && !mend
	fi
}

active proctype Guard() {
	byte r;
	bit kept_out, mend, again;
end:	do
	:: atomic { guard == asked -> guard = up };
		{
#ifndef MUTANT_LEFT_BEHIND
			STOP(way, kill_way); /* guard.sh: guard-alone */
#endif
			skip;
look:			atomic { /* guard.sh: decide */
				folder == NOBODY || claim != none || result != none || due;
				kept_out = 0; mend = 0; r = folder;
				if
				:: r == NOBODY -> goto unused
				:: r != NOBODY && (result == confirmed || result == returned) -> goto close
				:: r != NOBODY && result == stranded -> guard = down; r = 0; again = 0; goto gone /* holds: a kick is repeated until it is heard */
				:: r != NOBODY && result == none && claim == none -> goto take
				:: r != NOBODY && result == none && claim == confirm && SYSTEM_NEW -> goto finish
				:: r != NOBODY && result == none && (claim == back || claim == confirm && !SYSTEM_NEW) -> goto go_back
				fi };

take:
#ifndef MUTANT_GUARD_CLAIMS_UNLOCKED
			FREE(GUARD);
#endif
			atomic { /* guard.sh: claim-return */
				if
				:: folder == r && claim == none && due -> claim = back
				:: else
				fi };
			atomic { SYNC_CLAIM; if :: flock == GUARD -> flock = 0 :: else fi; goto look };

finish:			atomic { SYNC_CLAIM; ACT(confirm) }; /* guard.sh: claim-seen */
#ifdef TEST_FIRST
			atomic { profile = WANTED(r); LINKED }; /* guard.sh: confirm-profile */
			if
			:: next != WANTED(r) -> by_guard(WANTED(r), boot) /* guard.sh: confirm-boot */
			:: else
			fi;
#endif
#ifdef MUTANT_UNIT_BEFORE_RESULT
			unit = 0;
#endif
			if
#ifdef MUTANT_NOT_READ_BACK
			:: true -> write_result(confirmed); goto look
#else
			:: ALL(WANTED(r)) -> write_result(confirmed); goto look /* guard.sh: confirmed */
			:: else -> goto return_
#endif
			fi;

go_back:		atomic { SYNC_CLAIM; if :: claim == back -> ACT(back) :: else fi };
return_:		STOP(switcher, kill_switcher); /* return.sh: return-stops */
			STOP(way, kill_way);
			/* return.sh: return-stops-activation (nixos-rebuild's unit is in Switch) */
			atomic {
				going_back = 1;
				mend = marked || started && this_boot && (!ended || bad) };
			/* return.sh: return-rollback (where it is taken it is an exact return) */
			/* return.sh: foreign (no third party switches here) */
			if
			:: ON_RECORD && !mend
			:: else ->
				exact_return();
				if
				:: this_boot && (mend || !ON_RECORD) -> exact_return()
				:: else
				fi
			fi;
			if
#ifdef MUTANT_RETURN_NOT_READ_BACK
			:: true -> write_result(returned)
#endif
			:: BACK_THERE && (booted == record_booted || rebooted) -> write_result(returned) /* return.sh: returned */
			:: BACK_THERE && booted != record_booted && !rebooted -> goto reboot
			:: !BACK_THERE && !again -> again = 1
			:: !BACK_THERE && again && next == record && !rebooted -> goto reboot
			:: !BACK_THERE && again && (next != record || rebooted) -> write_result(stranded) /* return.sh: stranded */
			fi;
			goto look;

reboot:			rebooted = 1; /* return.sh: reboot-once */
			atomic { /* return.sh: reboot */
				profile_d = profile; next_d = next; claim_d = claim;
				boots();
				guard = (unit -> asked : down); kill_guard = 0; r = 0; again = 0;
				goto gone };

close:
#ifndef MUTANT_CLOSE_UNLOCKED
			FREE(GUARD); /* guard.sh: close-lock */
#endif
			durable_result(); /* guard.sh: close-result */
			folder = NOBODY; /* guard.sh: close */
			atomic { /* guard.sh: close-durable */
				folder_d = folder;
				if
				:: folder == NOBODY -> CLEAN; record = P; record_booted = P /* guard.sh: close-claim */
				:: else
				fi };
			atomic { unit = 0; if :: flock == GUARD -> flock = 0 :: else fi; goto leave }; /* guard.sh: close-unit */

unused:			FREE(GUARD); /* guard.sh: unused */
			atomic {
				flock = 0;
				if
				:: folder == NOBODY -> unit = 0; goto leave /* guard.sh: unused-unit */
				:: else -> goto look
				fi };

leave:			atomic { guard = down; r = 0; again = 0 };
gone:			skip
		} unless { atomic { kill_guard ->
			kill_guard = 0; r = 0; again = 0; kept_out = 0; mend = 0;
			if :: flock == GUARD -> flock = 0 :: else fi;
			guard = (unit && folder != NOBODY -> asked : down) } } /* world: Restart=on-failure */
	od
}

/* ---- the scripts of the deployers ------------------------------------------ */

/* Each request that a deployer can have sent by now may arrive at any time, any
 * number of times, or never, and so may its answer: that is loss, delay,
 * duplication and a cut link at once. One process stands for all sessions: what
 * they do they do under the short lock, but for the kick. */
active proctype Session() {
	byte r;
end:	do
	:: atomic { arms > 0 && flock == 0 && LOCK_FREE(A) -> /* lib.sh: locked */
			arms--; TAKE_LEASE(A);
			if
			:: folder == NOBODY && stc_lock == 0 && ALL(P) -> r = A; flock = SESSION; busy = 1; goto arms_
			:: folder == A -> r = A; flock = SESSION; busy = 1; goto guarded
			:: else
			fi }
#ifdef SECOND
	:: atomic { arms_b > 0 && flock == 0 && LOCK_FREE(B) ->
			arms_b--; TAKE_LEASE(B);
			if
			:: folder != B && stc_lock == 0 && ALL(profile) -> r = B; flock = SESSION; busy = 1; goto arms_
			:: else
			fi }
	:: atomic { armed_b && folder == B && flock == 0 && !started && UNCLAIMED -> r = B; flock = SESSION; busy = 1; goto starts }
#endif
#ifdef MUTANT_START_AFTER_THE_CLAIM
	:: atomic { armed_yes && flock == 0 && folder == A && !started -> r = A; flock = SESSION; busy = 1; goto starts }
#endif
	:: atomic { armed_yes && flock == 0 && folder == A && !started && UNCLAIMED -> /* guard.sh: gone */
			r = A; flock = SESSION; busy = 1; goto starts }
	:: atomic { armed_yes && flock == 0 && folder == A && UNCLAIMED && due -> due = 0 } /* lib.sh: extend */
	:: atomic { armed_yes && folder == A && claim == none && started && (ended || switcher == down) && SYSTEM_NEW && !healthy -> healthy = 1; half = 0 } /* the checks have judged it */
	:: atomic { armed_yes && healthy && flock == 0 && folder == A && UNCLAIMED ->
			claim = confirm; r = A; flock = SESSION; busy = 1; goto claimed }
	:: atomic { armed_yes && flock == 0 && folder == A && (claim == none || result == stranded || !unit) ->
			if
			:: result == stranded -> result = none; result_d = none /* guard.sh: ask-again */
			:: else
			fi;
			if
			:: claim == none -> claim = back; flock = SESSION /* guard.sh: claim */
			:: else
			fi;
			r = A; busy = 1; goto claimed };

arms_:	{
		skip; /* lib.sh: enter */
#ifndef MUTANT_CLOSE_UNLOCKED
		STOP(guard, kill_guard); /* guard.sh: arm-alone */
#endif
		unit = 1; /* unit.sh: arm-unit */
		atomic { /* guard.sh: arm */
			MUST(two_writers_never, folder == NOBODY && switcher == down && way == down);
			folder = r; promised = NOTHING; armed_yes = 0; healthy = 0;
			record = profile; record_booted = booted; arm_killed = 0;
			CLEAN; this_boot = 1 };
		folder_d = folder; /* guard.sh: arm-durable */
guarded:	if
		:: atomic { guard == down -> unit = 1; guard = asked } /* unit.sh: arm-guard */
		:: atomic { faults > 0 && guard == down && !started -> faults--; goto abandon }
		:: guard != down
		fi;
		atomic { if :: r == A -> armed_yes = 1 :: else -> SAY_B fi; goto over };

abandon:	folder = NOBODY; /* guard.sh: abandon */
		folder_d = folder; /* guard.sh: abandon-durable */
		unit = 0; /* guard.sh: abandon-unit */
		goto over;

starts:		started = 1; /* guard.sh: start-once */
		atomic { switcher == down -> switcher = asked; switching = r; goto over }; /* guard.sh: start */

claimed:
#ifdef MUTANT_CLAIM_NOT_ATOMIC
		if :: healthy -> claim = confirm :: claim = back fi;
#endif
		atomic { SYNC_CLAIM; if :: flock == SESSION -> flock = 0 :: else fi }; /* guard.sh: claim-durable */
#ifdef ETC_IS_LOST
		!kill_guard; /* the guard of the boot before is no more */
#endif
		if /* repeated until it is heard */
		:: atomic { folder == r && result != stranded && guard == down && unit -> guard = asked } /* unit.sh: kick */
#ifndef MUTANT_KICK_NEEDS_A_UNIT
		:: atomic { folder == r && result != stranded && guard == down && !unit -> unit = 1; guard = asked } /* unit.sh: kick-unit */
#endif
		:: else
		fi;
#ifdef ETC_IS_LOST
		kicked = 1;
#endif
over:		skip
	} unless { kill_session };
	atomic {
		if
		:: kill_session && folder == r && guard == down && !started -> arm_killed = 1
		:: else
		fi;
		kill_session = 0; busy = 0; r = 0;
		if :: flock == SESSION -> flock = 0 :: else fi } /* lib.sh: leave */
	od
}

/* ---- time and faults ------------------------------------------------------------ */

#define STUCK (folder != NOBODY && !busy && guard == down && switcher == down && way == down)

active proctype World() {
end:	do
	:: atomic { folder != NOBODY && claim == none && result == none && !due -> due = 1 } /* lib.sh: deadline */
#ifdef SECOND
	:: atomic { lease != NOBODY -> lease = NOBODY }
#endif
	:: atomic { faults > 0 -> faults--; power_cut() } /* world: a power cut */
	:: atomic { faults > 0 && guard == up && !kill_guard -> faults--; kill_guard = 1 }
	:: atomic { faults > 0 && busy && !kill_session -> faults--; kill_session = 1 }
	:: atomic { STUCK -> MUST(never_neither, (result == stranded && no_way) || UNHEARD || (arm_killed && !started && ON_RECORD)) }
	od
}
