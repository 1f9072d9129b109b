# What can go wrong on a host, as arguments of a system: each is a unit or a
# snippet that fails in one known way. Commands are absolute, as a unit's PATH
# on NixOS has next to nothing in it.
{ failingUnit ? false          # a oneshot unit that fails whenever it starts
, crashLoop ? false            # a service that dies and is restarted for ever
, slowUnitSeconds ? 0          # a oneshot unit that takes so long to start
, unitWaitsFor ? ""            # a oneshot unit that starts when this file is there
, unitFailsAfter ? null        # a service that is fine, and fails after so many seconds
, breaksNetworkAfter ? null    # takes eth0 down so many seconds after its start
, activationFailure ? false    # a snippet of the activation script fails
, activationWaitsFor ? ""      # the activation script goes on when this file is there
, hangingUnit ? false          # a oneshot unit that never finishes starting
, health ? null                # { port; failsAfter; }: an HTTP endpoint at /healthz
, ...
}:
let
  wanted = text: { inherit text; wantedBy = [ "multi-user.target" ]; };
  when = condition: set: if condition then set else { };
  port = toString (health.port or 8080);
  failsAfter = toString (health.failsAfter or (-1));
in {
  units =
    when failingUnit {
      "bad.service" = wanted "[Unit]\nDescription=Bad\n[Service]\nType=oneshot\nExecStart=/bin/false\n";
    }
    // when crashLoop {
      "crash.service" = wanted "[Unit]\nDescription=Crashes and restarts\n[Service]\nExecStart=/bin/sh -c '/bin/sleep 0.1; exit 3'\nRestart=always\nRestartSec=5\n";
    }
    // when (slowUnitSeconds > 0) {
      "slow.service" = wanted "[Unit]\nDescription=Slow\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep ${toString slowUnitSeconds}\n";
    }
    // when (unitWaitsFor != "") {
      "gated.service" = wanted "[Unit]\nDescription=Waits for a file\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\nExecStart=/bin/sh -c 'until [ -e ${unitWaitsFor} ]; do /bin/sleep 0.05; done'\n";
    }
    // when hangingUnit {
      "hang.service" = wanted "[Unit]\nDescription=Hangs\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n";
    }
    // when (unitFailsAfter != null) {
      "late.service" = wanted "[Unit]\nDescription=Fails late\n[Service]\nExecStart=/bin/sh -c '/bin/sleep ${toString unitFailsAfter}; exit 1'\n";
    }
    // when (breaksNetworkAfter != null) {
      # The older system does not have this unit: a return to it stops it, and
      # that mends the link, as the older network configuration would.
      "breaknet.service" = wanted "[Unit]\nDescription=Breaks the network\n[Service]\nExecStart=/bin/sh -c '/bin/sleep ${toString breaksNetworkAfter}; exec /bin/ip link set eth0 down'\nExecStopPost=/bin/ip link set eth0 up\nRemainAfterExit=yes\n";
    }
    // when (health != null) {
      "health.service" = wanted "[Unit]\nDescription=Health endpoint\n[Service]\nType=notify\nNotifyAccess=all\nExecStart=/usr/bin/python3 -S -E ${./health-endpoint.py} ${port} ${failsAfter}\n";
    };

  activation = builtins.concatStringsSep "\n" [
    (if activationWaitsFor == "" then "" else "until [ -e '${activationWaitsFor}' ]; do sleep 0.05; done")
    (if activationFailure then "echo 'Activation script snippet users failed (1)' >&2; _status=1" else "")
  ];
}
