/*
 * The guard, the claim, confirm and the lock of one host, as a model for spin.
 *
 * What is modelled, what is left out and what was found: README.md. Each step
 * names its line of the scripts by a comment "guard.sh: TAG"; the scripts have
 * "model: TAG" there, and deploy/nixos/model_test.go holds the two together.
 *
 * Options (-D): TEST_FIRST, the other mode; FAULTS=n, how many faults of any
 * kind strike; BUG_x, a planted bug: ./run has the list.
 */

#ifndef FAULTS
#define FAULTS 2
#endif

/* Systems are the numbers of their generations. */
#define OLD 0 /* stands below the record: an overshooting rollback lands here */
#define P   1 /* the record of run A */
#define T   2 /* what run A wants */

/* Runs. A is driven by its deployer. B is of a second operator, who arms and is
 * not heard of again: its guard alone decides. */
#define A 0
#define B 1
#define NOBODY 2

mtype = { none, confirm, back, confirmed, returned, stranded }      /* claims, results */
mtype = { NOTHING, ARM, START, CONFIRM, BACK }                      /* requests */
mtype = { LOST, YES, NO, GONE }                                     /* answers, besides the results */
mtype = { switch_, boot, test, rollback }                           /* what an activation does */
mtype = { down, asked, up }                                         /* a unit */
mtype = { never_both, unclaimed_returns, confirmed_is_new, confirmed_stays, returned_is_exact,
	returned_stays, two_writers_never, late_confirm_never, armed_is_guarded } /* properties */

/* ---- the host: files ----------------------------------------------------- */

/* disk_x is what survives a power cut for certain. What is only in memory may
 * reach the disk at any time, so a cut keeps the one or the other. What has no
 * disk_x is synced in the step that writes it, or its loss changes nothing. */
byte profile = P, disk_profile = P;
byte next = P;
byte running = P, booted = P;
bool half = false; /* an activation stopped units and did not start them again */

byte folder = NOBODY, disk_folder = NOBODY;
mtype claim[3] = none, disk_claim[3] = none;
mtype result[3] = none, disk_result[3] = none;
bool started[3], ended[3], bad[3]; /* started; switch.rc is there; it is not 0 */
bool this_boot[3], started_now[3]; /* armed, and started, in this boot */
bool rebooted[3];
bool marked = false; /* a return's own activation is under way in this boot, or failed */
byte rec_profile[3] = P, rec_running[3] = P, rec_next[3] = P, rec_booted[3] = P;
bool unit = false; /* the guard's unit, with what wants it at boot */
bool due = false;  /* the deadline in its file has passed */

byte flock = 0;      /* who holds the short lock */
byte lease = NOBODY; /* volatile */
byte stc_lock = 0;   /* switch-to-configuration's own */

/* ---- the host: processes -------------------------------------------------- */

/* A power cut is noticed by each process on its own: it does nothing more. */

#define SHELLS 3 /* two connections of A's deployer, one of B's */
mtype request[SHELLS] = NOTHING, answer[SHELLS] = NOTHING;
bool unheard[SHELLS]; /* the connection is cut: the script may run, nobody hears it */
bool busy[SHELLS], kill_shell[SHELLS], cut_shell[SHELLS];

mtype guard_unit = down;
bool kill_guard = false, stop_guard = false, cut_guard = false;
mtype switch_unit = down; /* nixdeploy-switch-RUN */
bool stop_switch = false, cut_switch = false;
mtype stc_unit = down;    /* nixos-rebuild-switch-to-configuration */
mtype stc_how = NOTHING;
byte stc_to = P;
bool stop_stc = false, cut_stc = false, stc_bad = false;
#define WAYS 2            /* nixdeploy-return-RUN-*: a killed guard leaves its own behind */
mtype way[WAYS] = down, way_how[WAYS] = NOTHING;
byte way_to[WAYS] = P;
bool stop_way[WAYS], cut_way[WAYS], way_bad[WAYS];

/* ---- the world ------------------------------------------------------------ */

byte faults = FAULTS;
bool no_way = false;    /* no activation by the guard succeeds */
bool boot_full = false; /* no other system can be made the next boot */
bool deployer_dies = false;
bool dying;

/* ---- what only the properties look at ------------------------------------- */

bool was_confirmed = false, was_returned = false; /* run A's results that could be read */
#define NOTHING_YET 9
byte settled = NOTHING_YET; /* P or T: the system that run A's durable result promises */
bool healthy = false;  /* A's deployer found the new system healthy */
bool going_back = false;

#define OPEN(r) (folder == r && result[r] == none)
#define STUCK (folder != NOBODY && result[folder] != stranded)
#define ON_RECORD(r) (profile == rec_profile[r] && running == rec_running[r] && next == rec_next[r])
#define ALL(s) (profile == s && running == s && next == s)
#ifdef TEST_FIRST
#define SYSTEM_NEW (running == T)
#else
#define SYSTEM_NEW ALL(T)
#endif

/* Replaying the trail prints the name of the property. */
#define MUST(name, condition) \
	if :: (condition) -> skip :: else -> printf("VIOLATED %e\n", name); assert(false) fi

/* After every change of a link. */
#define LINKED \
	MUST(confirmed_stays, settled != T || ALL(T)); \
	MUST(returned_stays, settled != P || ALL(P))

/* Before every change towards the new system. */
#define FORWARD(to) MUST(two_writers_never, to != T || !going_back)

/* ---- switch-to-configuration ---------------------------------------------- */

/* Its lock, the boot loader, sync, units down, the running system, units up. It
 * can fail, or be stopped, between any two of these. */
inline switch_to(me, how, to, failed) {
	if
	:: atomic { stc_lock != 0 -> failed = true } /* exit code 11 */
	:: atomic { stc_lock == 0 ->
		stc_lock = me;
		if
		:: failed = false
		:: faults > 0 -> faults--; failed = true /* a check refuses */
		fi };
		if
		:: atomic { !failed && how != test ->
			if
			:: faults > 0 && next != to && !boot_full -> faults--; boot_full = true
			:: true
			fi;
			if
			:: boot_full && next != to -> failed = true
			:: else -> FORWARD(to); next = to; LINKED
			fi }
		:: else
		fi;
		if
		:: atomic { !failed -> disk_profile = profile; half = half || how != boot }
		:: else
		fi;
		if
		:: !failed && how != boot ->
			if
			:: atomic { FORWARD(to); running = to; LINKED };
				half = false
			:: atomic { faults > 0 -> faults--; failed = true } /* it dies */
			fi
		:: else
		fi
	fi
}

#define RELEASE(me) if :: stc_lock == me -> stc_lock = 0 :: else fi

/* The unit in which nixos-rebuild activates; its name is the same for everybody. */
active proctype Stc() {
end:	do
	:: atomic { stc_unit == asked -> stc_unit = up; stc_bad = false };
		{
			switch_to(1, stc_how, stc_to, stc_bad);
			atomic { RELEASE(1); stc_unit = down; stc_how = NOTHING; stc_to = P }
		} unless { atomic { cut_stc || stop_stc ->
			if
			:: cut_stc -> cut_stc = false
			:: else -> stop_stc = false; stc_unit = down; stc_how = NOTHING; stc_to = P; stc_bad = true;
				RELEASE(1)
			fi } }
	od
}

/* nixos-rebuild's own part: set the profile, then the unit above. */
inline rebuild(how, to, failed) {
	if
	:: atomic { stc_unit != down -> failed = true } /* the name is taken */
	:: atomic { stc_unit == down -> stc_unit = asked; stc_how = how; stc_to = to };
		atomic { stc_unit == down -> failed = stc_bad; stc_bad = false }
	fi
}

/* ---- the unit of the switch ------------------------------------------------ */

active proctype Switch() {
	bool failed;
end:	do
	:: atomic { switch_unit == asked -> switch_unit = up; failed = false };
		{
#ifdef TEST_FIRST
			rebuild(test, T, failed); /* guard.sh: SWITCH */
#else
			atomic { FORWARD(T); profile = T; LINKED }; /* guard.sh: SWITCH */
			rebuild(switch_, T, failed);
#endif
			atomic {
				if :: folder == A -> ended[A] = true; bad[A] = failed :: else fi;
				failed = false }; /* guard.sh: ENDED */
			atomic { /* guard.sh: ENDED-EXTENDS */
				if
				:: folder == A && claim[A] == none -> due = false
				:: else
				fi;
				switch_unit = down }
		} unless { atomic { cut_switch || stop_switch ->
			if
			:: cut_switch -> cut_switch = false
			:: else -> stop_switch = false; switch_unit = down
			fi; failed = false } }
	od
}

/* ---- the units in which the guard activates -------------------------------- */

active [WAYS] proctype Way() {
	byte i = _pid - 2;
end:	do
	:: atomic { way[i] == asked -> way[i] = up; way_bad[i] = false };
		{
			if
			:: atomic { no_way || faults > 0 -> /* from now on nothing leads back */
				faults = (no_way -> faults : faults - 1);
				no_way = true; way_bad[i] = true }
			:: atomic { !no_way && way_how[i] == rollback ->
				if
				:: profile > OLD -> profile--; LINKED; way_to[i] = profile
				:: else -> way_bad[i] = true
				fi };
				if
				:: !way_bad[i] -> rebuild(switch_, way_to[i], way_bad[i])
				:: else
				fi
			:: !no_way && way_how[i] != rollback ->
				switch_to(2 + i, way_how[i], way_to[i], way_bad[i])
			fi;
			atomic { RELEASE(2 + i); way[i] = down; way_how[i] = NOTHING; way_to[i] = P }
		} unless { atomic { cut_way[i] || stop_way[i] ->
			if
			:: cut_way[i] -> cut_way[i] = false
			:: else -> stop_way[i] = false; way[i] = down; way_how[i] = NOTHING; way_to[i] = P; way_bad[i] = false;
				RELEASE(2 + i)
			fi } }
	od
}

/* ---- power ------------------------------------------------------------------- */

#define KEEP(x, disk) if :: x != disk -> x = disk :: true fi; disk = x

/* Inside atomic. What was not synced is there or not; every process is dead; the
 * host boots, and the guard's unit is wanted by basic.target. */
inline power_cut() {
	KEEP(profile, disk_profile);
	KEEP(folder, disk_folder);
	KEEP(claim[A], disk_claim[A]); KEEP(claim[B], disk_claim[B]);
	KEEP(result[A], disk_result[A]); KEEP(result[B], disk_result[B]);
	if :: ended[A] :: true -> ended[A] = false; bad[A] = false fi;
	running = next; booted = next; half = false;
	flock = 0; lease = NOBODY; stc_lock = 0; due = false; going_back = false;
	marked = false; this_boot[A] = false; started_now[A] = false; this_boot[B] = false;
	cut_stc = cut_stc || stc_unit == up; cut_switch = cut_switch || switch_unit == up;
	cut_way[0] = cut_way[0] || way[0] == up; cut_way[1] = cut_way[1] || way[1] == up;
	cut_shell[0] = busy[0]; cut_shell[1] = busy[1]; cut_shell[2] = busy[2];
	dying = cut_guard || guard_unit == up;
	stc_how = NOTHING; stc_to = P; stc_bad = false;
	way_how[0] = NOTHING; way_how[1] = NOTHING; way_to[0] = P; way_to[1] = P; way_bad[0] = false; way_bad[1] = false;
	stc_unit = down; stop_stc = false; switch_unit = down; stop_switch = false;
	way[0] = down; way[1] = down; stop_way[0] = false; stop_way[1] = false;
	kill_guard = false; stop_guard = false;
	kill_shell[0] = false; kill_shell[1] = false; kill_shell[2] = false;
	if
	:: unit && folder != NOBODY -> guard_unit = asked /* guard.sh: AT-BOOT */
	:: else -> guard_unit = down
	fi;
	LINKED;
	cut_guard = dying /* last: the guard may be who cuts */
}

inline reboot(r) {
	rebooted[r] = true; /* guard.sh: REBOOT-ONCE */
	atomic { power_cut() }
}

/* ---- the guard --------------------------------------------------------------- */

#define GUARD_HOLDS 100
#define BACK_THERE (ON_RECORD(r) && !half_known)

inline activate(how, to) { /* guard.sh: ACTIVATE */
	atomic {
		if
		:: way[0] == down -> u = 0
		:: way[0] != down && way[1] == down -> u = 1
		fi;
		way[u] = asked; way_how[u] = how; way_to[u] = to };
	atomic { way[u] == down -> failed = way_bad[u]; way_bad[u] = false; u = 0 }
}

/* systemctl stop: waits for the end of the unit. */
inline stop(what, flag) {
	atomic {
		if
		:: what != down -> flag = true
		:: else
		fi;
		what == down }
}

inline write_result(word) {
	disk_claim[r] = claim[r]; /* guard.sh: RESULT-SYNCED */
	atomic { /* guard.sh: RESULT */
		result[r] = word;
		going_back = false;
		if
		:: r == A && word == confirmed ->
			was_confirmed = true;
			MUST(unclaimed_returns, claim[A] == confirm && healthy);
			MUST(confirmed_is_new, ALL(T))
		:: r == A && word == returned ->
			was_returned = true
		:: else
		fi;
		MUST(never_both, !(was_confirmed && was_returned));
		MUST(returned_is_exact, word != returned || (ON_RECORD(r) && !half)) };
	atomic { /* guard.sh: RESULT-DURABLE */
		disk_result[r] = word;
		if
		:: r == A && word == confirmed -> settled = T
		:: r == A && word == returned -> settled = P
		:: else
		fi }
}

inline mended() { /* guard.sh: MENDED */
	if
	:: failed
	:: else -> atomic { half_known = false; marked = false }
	fi
}

inline exact_return() {
	atomic { /* guard.sh: PROFILE-BACK */
		if
		:: profile != rec_profile[r] -> profile = rec_profile[r]; LINKED
		:: else
		fi };
	if
	:: profile != disk_profile -> disk_profile = profile /* guard.sh: PROFILE-DURABLE */
	:: else
	fi;
	if
	:: next != rec_next[r] && (running != rec_running[r] || half_known) && rec_next[r] == rec_running[r] ->
		atomic { marked = true; half_known = true }; /* guard.sh: MARKED */
		activate(switch_, rec_running[r]); /* guard.sh: BACK-SWITCH */
		mended()
	:: else ->
		if
		:: next != rec_next[r] -> activate(boot, rec_next[r]) /* guard.sh: BACK-BOOT */
		:: else
		fi;
		if
		:: running != rec_running[r] || half_known -> /* guard.sh: BACK-TEST */
			atomic { marked = true; half_known = true }; /* guard.sh: MARKED */
			activate(test, rec_running[r]);
			mended()
		:: else
		fi
	fi
}

active proctype Guard() {
	byte r, u, attempts;
	bool half_known, failed;
end:	do
	:: atomic { guard_unit == asked -> guard_unit = up };
		{
			attempts = 0;
look:			atomic { /* guard.sh: DECIDE */
				folder == NOBODY || claim[folder] != none || result[folder] != none || due;
				half_known = false; failed = false; r = folder;
				if
				:: r == NOBODY -> goto unused
				:: r != NOBODY && (result[r] == confirmed || result[r] == returned) -> goto close
				:: r != NOBODY && result[r] == stranded -> goto leave
				:: r != NOBODY && result[r] == none && claim[r] == none -> goto take
				:: r != NOBODY && result[r] == none && claim[r] == confirm && SYSTEM_NEW -> goto finish
				:: r != NOBODY && result[r] == none && claim[r] != none && !(claim[r] == confirm && SYSTEM_NEW) -> goto go_back
				fi };

take:			atomic { flock == 0 -> /* guard.sh: GUARD-CLAIMS */
				flock = GUARD_HOLDS;
				if
				:: folder == r && claim[r] == none && due -> claim[r] = back
				:: else
				fi };
			atomic { disk_claim[r] = claim[r]; flock = 0; goto look };

finish:
#ifdef TEST_FIRST
			atomic { /* guard.sh: COMMIT-PROFILE */
				going_back = false;
				if
				:: profile != T -> profile = T; LINKED
				:: else
				fi };
			disk_profile = profile; /* guard.sh: PROFILE-DURABLE */
			if
			:: next != T -> activate(boot, T) /* guard.sh: COMMIT-BOOT */
			:: else
			fi;
#endif
			if
			:: ALL(T) -> write_result(confirmed); goto look /* guard.sh: READ-BACK */
			:: else
			fi;

go_back:		stop(switch_unit, stop_switch); /* guard.sh: STOP-SWITCH */
			stop(way[0], stop_way[0]); stop(way[1], stop_way[1]);
			stop(stc_unit, stop_stc); /* guard.sh: STOP-ACTIVATION */
			if
			:: running == OLD || profile == OLD -> write_result(stranded); goto look /* guard.sh: FOREIGN */
			:: else
			fi;
			atomic { /* guard.sh: LEFT-HALF */
				if :: r == A -> going_back = true :: else fi;
				half_known = marked || started_now[r] && (!ended[r] || bad[r]) };
			if
			:: ON_RECORD(r) && !half_known
			:: else ->
#ifndef TEST_FIRST
				if
				:: profile == T && rec_profile[r] == P && rec_running[r] == P && rec_next[r] == P ->
					atomic { marked = true; half_known = true }; /* guard.sh: MARKED */
					activate(rollback, P); /* guard.sh: ROLLBACK */
					mended()
				:: else
				fi;
#endif
				if
				:: half_known || !ON_RECORD(r) -> exact_return()
				:: else
				fi;
				if
				:: (half_known || !ON_RECORD(r)) && this_boot[r] -> exact_return() /* guard.sh: AGAIN */
				:: else
				fi
			fi;
			if
			:: !BACK_THERE && attempts < 2 -> attempts++; goto look /* guard.sh: ATTEMPTS */
			:: !BACK_THERE && attempts == 2 && next == rec_next[r] && !rebooted[r] -> reboot(r) /* guard.sh: REBOOT */
			:: !BACK_THERE && attempts == 2 && !(next == rec_next[r] && !rebooted[r]) -> write_result(stranded) /* guard.sh: STRANDED */
			:: BACK_THERE && booted != rec_booted[r] && !rebooted[r] -> reboot(r) /* guard.sh: REBOOT-RECORD */
			:: BACK_THERE && !(booted != rec_booted[r] && !rebooted[r]) -> write_result(returned) /* guard.sh: RETURNED */
			fi;
			goto look;

close:			atomic { flock == 0 -> /* guard.sh: CLOSE */
				flock = GUARD_HOLDS;
				if :: lease == r -> lease = NOBODY :: else fi;
				folder = NOBODY };
			atomic { /* guard.sh: CLOSE-DURABLE */
				disk_folder = NOBODY;
				claim[r] = none; disk_claim[r] = none;
				started[r] = false; started_now[r] = false; this_boot[r] = false; ended[r] = false; bad[r] = false;
				rebooted[r] = false; marked = false; no_way = false; boot_full = false; due = false };
			atomic { unit = false; flock = 0; goto leave }; /* guard.sh: CLOSE-UNIT */

unused:			atomic { flock == 0 -> /* guard.sh: UNUSED */
				if :: folder == NOBODY -> unit = false :: else fi };

leave:			atomic { guard_unit = down; r = 0; u = 0; attempts = 0 }
		} unless { atomic { cut_guard || kill_guard || stop_guard ->
			if
			:: cut_guard -> cut_guard = false
			:: else ->
				if :: flock == GUARD_HOLDS -> flock = 0 :: else fi;
				if
				:: stop_guard -> guard_unit = down
				:: else -> guard_unit = asked /* guard.sh: RESTART */
				fi;
				stop_guard = false; kill_guard = false
			fi; r = 0; u = 0; attempts = 0 } }
	od
}

/* ---- the scripts of the deployers ---------------------------------------------- */

#define HOLDS (me + 1)

inline reply(word) {
	atomic {
		if
		:: unheard[me] -> unheard[me] = false; request[me] = NOTHING
		:: else -> answer[me] = word
		fi;
		busy[me] = false }
}

inline start_guard() {
	if
	:: guard_unit == down && unit -> guard_unit = asked
	:: else
	fi
}

proctype Shell(byte me; byte r) {
end:	do
	:: atomic { request[me] != NOTHING && unheard[me] && !busy[me] -> request[me] = NOTHING; unheard[me] = false } /* it never arrived */
	:: atomic { request[me] != NOTHING && !busy[me] && answer[me] == NOTHING -> busy[me] = true };
		{
			/* What is read first under the lock is changed under the lock only. */
			atomic { flock == 0 -> /* guard.sh: ENTER */
				flock = HOLDS;
				if
				:: request[me] == ARM ->
					if
					:: (lease != NOBODY && lease != r) || (folder != NOBODY && folder != r) -> goto no /* guard.sh: LEASE */
					:: else -> lease = r
					fi;
					if
					:: folder == r -> goto guarded /* guard.sh: ARMED-BEFORE */
					:: stc_unit != down || stc_lock != 0 -> goto no /* guard.sh: FOREIGN-SWITCH */
					:: r == A && folder != r && !(profile == P && running == P) -> goto no /* guard.sh: MOVED */
					:: else -> goto arm
					fi
				:: folder != r && request[me] != ARM -> goto gone /* guard.sh: GONE */
				:: folder == r && request[me] == START ->
					if
					:: claim[r] != none -> goto no /* guard.sh: START-CLAIMED */
					:: claim[r] == none && started[r] -> goto yes /* guard.sh: STARTED-BEFORE */
					:: else -> goto start
					fi
				:: folder == r && request[me] != START && request[me] != ARM -> goto settle
				fi };

arm:			stop(guard_unit, stop_guard); /* guard.sh: OLD-GUARD */
			unit = true; /* guard.sh: UNIT */
			atomic { /* guard.sh: ARM */
				MUST(two_writers_never, folder == NOBODY);
				if /* what is armed anew is promised anew */
				:: r == A -> was_confirmed = false; was_returned = false; settled = NOTHING_YET
				:: else
				fi;
				folder = r; due = false;
				marked = false; claim[r] = none; disk_claim[r] = none; result[r] = none; disk_result[r] = none;
				started[r] = false; started_now[r] = false; ended[r] = false; bad[r] = false; rebooted[r] = false; this_boot[r] = true;
				rec_profile[r] = profile; rec_running[r] = running; rec_next[r] = next; rec_booted[r] = booted };
			disk_folder = r; /* guard.sh: ARM-DURABLE */
guarded:		atomic { /* guard.sh: START-GUARD */
				if
				:: start_guard()
				:: faults > 0 && guard_unit == down && !started[r] -> faults--; goto abandon
				fi };
			atomic {
				MUST(armed_is_guarded, !OPEN(r) || (unit && guard_unit != down));
				goto yes };
abandon:		folder = NOBODY; /* guard.sh: ABANDON */
			disk_folder = NOBODY;
			unit = false;
no:			atomic { flock = 0; reply(NO) };
			goto over;
yes:			atomic { flock = 0; reply(YES) };
			goto over;

start:			atomic { started[r] = true; started_now[r] = true }; /* guard.sh: STARTED */
			atomic { switch_unit == down -> switch_unit = asked }; /* guard.sh: START */
			goto yes;

settle:			atomic { /* guard.sh: CLAIM */
				if
				:: claim[r] == none ->
					if
					:: request[me] == CONFIRM -> claim[r] = confirm
					:: else -> claim[r] = back
					fi
				:: else
				fi };
			atomic { disk_claim[r] = claim[r]; flock = 0 }; /* guard.sh: CLAIM-DURABLE */
			do
			:: atomic { folder == r && result[r] == none && guard_unit == down && unit -> guard_unit = asked } /* guard.sh: KICK */
			:: folder != r || result[r] != none -> break /* guard.sh: SETTLED */
			od;
			reply(result[r]);
			goto over;

gone:			atomic { flock = 0;
				if
				:: result[r] != none -> reply(result[r])
				:: else -> reply(GONE)
				fi };
over:			skip
		} unless { atomic { cut_shell[me] || kill_shell[me] ->
			if
			:: cut_shell[me] -> cut_shell[me] = false
			:: else -> kill_shell[me] = false;
				if :: flock == HOLDS -> flock = 0 :: else fi
			fi;
			reply(LOST) } }
	od
}

/* ---- the deployer of run A, and its successor --------------------------------- */

/* Sends a request and hears the answer, or loses the connection at any time:
 * then the script may run now, later, or never. */
inline ask(what) {
	atomic {
		if
		:: request[0] == NOTHING -> s = 0
		:: request[0] != NOTHING && request[1] == NOTHING -> s = 1
		fi;
		request[s] = what };
	if
	:: atomic { answer[s] != NOTHING -> got = answer[s]; request[s] = NOTHING; answer[s] = NOTHING }
	:: atomic { faults > 0 && answer[s] == NOTHING -> faults--; unheard[s] = true; got = LOST }
	fi
}

inline hang_up(i) {
	if
	:: answer[i] != NOTHING -> answer[i] = NOTHING; request[i] = NOTHING
	:: answer[i] == NOTHING && request[i] != NOTHING -> unheard[i] = true
	:: else
	fi
}

active proctype Deployer() {
	byte s;
	mtype got;
	run Shell(0, A);
	run Shell(1, A);
	{
		ask(ARM);
		if
		:: got == LOST -> ask(ARM)
		:: else
		fi;
		if
		:: got == YES
		:: got == LOST -> goto give_up
		:: else -> goto over
		fi;
again:		ask(START);
		if
		:: got == LOST -> goto again
		:: got == LOST -> goto give_up
		:: got != LOST
		fi;

await:		if
		:: folder == A && claim[A] == none && ended[A] && SYSTEM_NEW
		:: goto give_up /* too slow; or it ended otherwise; or the guard was first */
		fi;
		/* A fresh connection, which extends the deadline. */
		if
		:: atomic { flock == 0 -> /* guard.sh: EXTEND */
			if
			:: folder == A && claim[A] == none -> due = false
			:: else -> goto give_up
			fi }
		:: goto give_up
		fi;
		if
		:: healthy = true
		:: goto give_up
		fi;
once_more:	ask(CONFIRM);
		if
		:: got == LOST -> goto once_more
		:: got == confirmed -> goto over
		:: got != LOST && got != confirmed -> goto over
		fi;
give_up:	ask(BACK);
		if
		:: got == LOST -> goto give_up
		:: got == LOST -> goto over
		:: got != LOST -> goto over
		fi;
over:		atomic { deployer_dies = false;
			MUST(late_confirm_never, got != confirmed || (was_confirmed && !was_returned)) };
		goto done
	} unless { atomic { deployer_dies -> deployer_dies = false; hang_up(0); hang_up(1); got = NOTHING } };
	if
	:: skip /* nobody resumes */
	:: folder == A -> goto await /* guard.sh: ADOPT */
	fi;
done:	skip
}

#ifdef SECOND
active proctype Second() {
	atomic { run Shell(2, B); request[2] = ARM };
	atomic { answer[2] != NOTHING -> request[2] = NOTHING; answer[2] = NOTHING }
}
#endif

/* ---- time and faults ------------------------------------------------------------- */

#define STRIKE(condition) faults > 0 && (condition) -> faults--

active proctype World() {
end:	do
	:: atomic { folder != NOBODY && OPEN(folder) && claim[folder] == none && !due -> due = true } /* guard.sh: DUE */
	:: atomic { STRIKE(unit || folder != NOBODY || disk_folder != NOBODY || settled != NOTHING_YET); power_cut() }
	:: atomic { STRIKE(guard_unit == up && !kill_guard && !stop_guard); kill_guard = true }
	:: atomic { STRIKE(busy[0] && !kill_shell[0]); kill_shell[0] = true }
	:: atomic { STRIKE(busy[1] && !kill_shell[1]); kill_shell[1] = true }
	:: atomic { STRIKE(busy[2] && !kill_shell[2]); kill_shell[2] = true }
	:: atomic { STRIKE(folder == A && !deployer_dies); deployer_dies = true }
	od
}

ltl never_neither { []<> !STUCK }
