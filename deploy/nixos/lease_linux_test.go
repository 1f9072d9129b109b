package nixos

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A script that was killed while it kept its lease keeps it no longer, also where
// another process has its number by now: the host would be locked for as long as
// that one lives.
func TestAKilledScriptKeepsNoLease(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("numbers of processes of its own need root")
	}
	for _, reused := range []bool{false, true} {
		h := newWholeHost(t, "extlinux")
		h.stands("sleep", `if [ -e ROOT/slept ]; then echo sleeps again; kill -9 "$PPID"; exit; fi
: >ROOT/slept
echo sleeps >ROOT/asleep
read -r _ <ROOT/pipe`)
		write(t, h.root, "script", rooted(read("lib.sh")+read("lease.sh"), h.root)+`
run=R1 operator=ann@desk seconds=90
enter
take_lease R1 ann@desk 90
leave
keep_lease
echo "$$" >"$STATE/killed"
read -r _ <`+h.root+`/asleep
kill -9 "$$"`)
		cmd := h.asks()
		cmd.Args = []string{"unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", strings.ReplaceAll(`
mkfifo ROOT/pipe ROOT/asleep
{
	sh ROOT/script 8>&1
	exec 3<&- # what is said here ends with the keeper
	read -r pid <ROOT/STATEkilled
	sed -i 's/.*/R1 ann@desk 1 '"$(cat /proc/sys/kernel/random/boot_id)"' 99999999999/' ROOT/run/nixdeploy/lease
	if [ "$1" = true ]; then
		echo "$((pid - 1))" >/proc/sys/kernel/ns_last_pid
		tail -f /dev/null >/dev/null 2>&1 &
		[ "$!" = "$pid" ] || echo "the number is $!, not $pid"
	fi
	echo on >ROOT/pipe
} 2>/dev/null | cat
cat ROOT/run/nixdeploy/lease`, "ROOT/STATE", h.root+"/"+state), "sh", map[bool]string{true: "true", false: "false"}[reused]}
		cmd.Args[6] = strings.ReplaceAll(cmd.Args[6], "ROOT", h.root)
		var err error
		if cmd.Path, err = exec.LookPath("unshare"); err != nil {
			t.Skip("unshare is not here")
		}
		if said := h.says(cmd); !strings.HasPrefix(said, "R1 ann@desk 1 ") || !strings.HasSuffix(said, " 99999999999\n") {
			t.Errorf("with its number reused: %v, the lease is renewed: %s", reused, said)
		}
	}
}
