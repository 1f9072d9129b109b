#!/usr/bin/python3 -SE
"""switch-to-configuration ACTION: make this system the running one.

The lab's stand-in for NixOS's activator: same verbs, order, words, files under
/run/nixos and exit codes. It stands for two generations of it:
  perl  (24.05 and older)  waits for the lock, goes on when nobody reads stderr
  rust  (24.11 and newer)  refuses a taken lock (11), dies of a closed stderr (101)
"""

import fcntl
import os
import re
import subprocess
import sys

TOPLEVEL = "@toplevel@"
INSTALL_BOOT_LOADER = "@installBootLoader@"
PRE_SWITCH_CHECK = "@preSwitchCheck@"
RUST = "@activator@" == "rust"

CURRENT_UNITS = "/etc/systemd/system"
NEW_UNITS = TOPLEVEL + "/etc/systemd/system"
LISTS = {kind: f"/run/nixos/{kind}-list" for kind in ("start", "restart", "reload")}
ACTIONS = ("check",) * RUST + ("switch", "boot", "test", "dry-activate")

os.environ["PATH"] = "/usr/bin:/bin:/usr/sbin"


def say(text):
    """A line for the operator, on stderr. A closed stderr ends only the newer activator."""
    try:
        os.write(2, (text + "\n").encode())
    except OSError:
        if RUST:
            os._exit(101)


def run(*command, **options):
    # Perl let its children inherit an ignored SIGPIPE, Rust does not.
    return subprocess.run(command, restore_signals=RUST, check=False, **options)


def output_of(*command):
    return run(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def read_file(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def syslog(text):
    run("logger", "-t", "nixos", "--", text, stderr=subprocess.DEVNULL)


def refuse_usage():
    say(f"Usage: {sys.argv[0]} [{'|'.join(ACTIONS)}]")
    sys.exit(1)


def require_nixos():
    if os.path.exists("/etc/NIXOS") or re.search(r'^ID="?nixos"?$', read_file("/etc/os-release"), re.M):
        return
    say("This is not a NixOS installation!")
    sys.exit(1)


def take_lock():
    os.makedirs("/run/nixos", exist_ok=True)
    lock = open("/run/nixos/switch-to-configuration.lock", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if RUST else 0))
    except BlockingIOError:
        say("Could not acquire lock")
        sys.exit(11)
    return lock


def pre_switch_checks(action):
    if not RUST or os.environ.get("NIXOS_NO_CHECK") == "1":
        return
    if run(PRE_SWITCH_CHECK, TOPLEVEL, action).returncode != 0:
        say("Pre-switch checks failed")
        sys.exit(1)


def active_units():
    """name -> (active state, sub state) of all units that are not inactive."""
    units = {}
    for line in output_of("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager").splitlines():
        name, _, active, sub = line.split(None, 4)[:4]
        if active != "inactive":
            units[name] = (active, sub)
    return units


def unit_option(text, option, default):
    values = re.findall(rf"^{option}=(.*)$", text, re.M)
    return values[-1].strip().lower() in ("true", "yes", "1", "on") if values else default


class Changes:
    """What the difference between two folders of units asks for."""

    def __init__(self):
        self.stop, self.skip, self.targets = set(), set(), set()
        self.start, self.restart, self.reload = (
            set(read_file(LISTS[kind]).split()) for kind in ("start", "restart", "reload"))

    def find(self, active):
        for name, (state, _) in active.items():
            template = re.sub(r"@[^.]*\.", "@.", name)
            old, new = (
                next((f"{folder}/{n}" for n in (name, template) if os.path.exists(f"{folder}/{n}")), None)
                for folder in (CURRENT_UNITS, NEW_UNITS))
            if old is None or state not in ("active", "activating"):
                continue
            if new is None or os.path.realpath(new) == "/dev/null":
                if unit_option(read_file(old), "X-StopOnRemoval", True):
                    self.stop.add(name)
            elif name.endswith(".target"):
                if not unit_option(read_file(new), "RefuseManualStart|X-OnlyManualStart", False):
                    self.targets.add(name)
            elif read_file(old) != read_file(new):
                self.changed(name, read_file(new))

    def changed(self, name, text):
        if unit_option(text, "X-ReloadIfChanged", False):
            self.reload.add(name)
        elif (not unit_option(text, "X-RestartIfChanged", True)
              or unit_option(text, "RefuseManualStop", False)
              or unit_option(text, "X-OnlyManualStart", False)):
            self.skip.add(name)
        elif not unit_option(text, "X-StopIfChanged", True):
            self.restart.add(name)
        else:
            self.stop.add(name)
            self.start.add(name)

    def record(self):
        """Lets a repeated run finish what an interrupted one began."""
        for kind, units in (("start", self.start), ("restart", self.restart), ("reload", self.reload)):
            if units:
                with open(LISTS[kind], "w") as file:
                    file.write("".join(f"{unit}\n" for unit in sorted(units)))


def announce(text, units):
    if units:
        say(f"{text}: {', '.join(sorted(units))}")


def dry_activate(changes):
    announce("would stop the following units", changes.stop)
    announce("would NOT stop the following changed units", changes.skip)
    say("would activate the configuration...")
    run(TOPLEVEL + "/dry-activate")
    if systemd_identity() != (os.path.realpath(TOPLEVEL + "/systemd"), read_file(TOPLEVEL + "/etc/systemd/system.conf")):
        say("would restart systemd")
    announce("would reload the following units", changes.reload)
    announce("would restart the following units", changes.restart)
    announce("would start the following units", changes.start)


def systemctl(verb, units):
    """Starts (or reloads...) units; whether all went well."""
    if not units:
        return True
    quietly = {"stderr": subprocess.DEVNULL} if RUST else {}
    if run("systemctl", verb, "--", *sorted(units), **quietly).returncode == 0:
        return True
    if RUST:
        for unit in sorted(units):
            if output_of("systemctl", "is-failed", "--", unit).strip() == "failed":
                say(f"Failed to {verb} {unit}")
    return False


def activate():
    say("activating the configuration...")
    if run(TOPLEVEL + "/activate", TOPLEVEL).returncode == 0:
        return 0
    if RUST:
        say("Failed to run activate script")
    return 2


def systemd_identity():
    """What makes a switch re-execute systemd when it changes."""
    return os.path.realpath("/run/current-system/systemd"), read_file("/etc/systemd/system.conf")


def reload_user_units():
    """Says so only: the lab has no user units that could change."""
    for line in output_of("loginctl", "list-users", "--no-legend").splitlines():
        say(f"reloading user units for {line.split()[1]}...")


def failed_and_new(before):
    failed, new = [], []
    for name, (state, sub) in active_units().items():
        if state == "failed":
            failed.append(name)
        elif sub == "auto-restart" and output_of("systemctl", "show", "--value", "-p", "ExecMainStatus", "--", name).strip() != "0":
            failed.append(name)
        elif name not in before and not re.search(r"\.(scope|slice|device|mount)$", name):
            new.append(name)
    return sorted(failed), sorted(new)


def switch(changes, before):
    if changes.stop:
        announce("stopping the following units", changes.stop)
        run("systemctl", "stop", "--", *sorted(changes.stop))
    announce("NOT restarting the following changed units", changes.skip)
    systemd = systemd_identity()
    code = activate()
    if systemd_identity() != systemd:
        say("restarting systemd...")
        run("systemctl", "daemon-reexec")
    run("systemctl", "reset-failed")
    if run("systemctl", "daemon-reload").returncode != 0:
        code = code if RUST else 3
    reload_user_units()
    say("restarting sysinit-reactivation.target")
    well = systemctl("restart", {"sysinit-reactivation.target"})
    for kind, verb, units, also in (
            ("reload", "reload", changes.reload, set()),
            ("restart", "restart", changes.restart, set()),
            ("start", "start", changes.start, changes.targets)):
        announce(f"{verb}ing the following units", units)
        well = systemctl(verb, units | also) and well
        if os.path.exists(LISTS[kind]):
            os.unlink(LISTS[kind])
    failed, new = failed_and_new(before)
    announce("the following new units were started", new)
    if failed:
        announce("warning: the following units failed", failed)
        for unit in failed:
            # In one write, as the last thing that can be lost with the reader.
            say("\n" + output_of("systemctl", "status", "--no-pager", "--full", "--", unit).rstrip("\n"))
    return code if well and not failed else 4


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in ACTIONS:
        refuse_usage()
    action = sys.argv[1]
    if os.geteuid() != 0:
        say("Error: switch-to-configuration must be run as the root user" if RUST else "must be root")
        sys.exit(1)
    os.environ["NIXOS_ACTION"] = action
    require_nixos()
    lock = take_lock()  # held until the process ends
    pre_switch_checks(action)
    if action == "check":
        sys.exit(0)
    syslog(f"switching to system configuration {TOPLEVEL}")
    if action in ("switch", "boot"):
        if run(INSTALL_BOOT_LOADER, TOPLEVEL).returncode != 0:
            if RUST:
                say("Failed to install bootloader")
            sys.exit(1)
    # NixOS flushes the store's filesystem here. A power cut in the lab loses no
    # page cache, and a flush would wait for everything else on this machine.
    if action == "boot":
        sys.exit(0)
    if read_file("/run/current-system/init-interface-version") != read_file(TOPLEVEL + "/init-interface-version"):
        say("Warning: the new NixOS configuration has an ‘init’ that is\n"
            "incompatible with the current configuration.  The new configuration\n"
            "won't take effect until you reboot the system.")
        sys.exit(100)
    before = active_units()
    changes = Changes()
    changes.find(before)
    if action == "dry-activate":
        dry_activate(changes)
        sys.exit(0)
    changes.record()
    code = switch(changes, before)
    syslog(f"switching to system configuration {TOPLEVEL} failed (status {code})" if code
           else f"finished switching to system configuration {TOPLEVEL}")
    lock.close()
    sys.exit(code)


main()
