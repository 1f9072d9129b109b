package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// changeNotes is what a person should know of what a change does to a host: what
// it is refused for, what may cut the host off, what does not fit, what a reboot
// has to complete.
func changeNotes(hp deploy.HostPlan) []string {
	notes := transferNotes(hp)
	d := hp.Difference
	if d == nil {
		return notes
	}
	if len(d.Inhibitors) > 0 {
		notes = append(notes, fmt.Sprintf("a switch will be refused on the host, for %s: there, nixos-rebuild boot and a reboot is the way",
			strings.Join(d.Inhibitors, ", ")))
	}
	if text := connectionNote(d.Units); text != "" {
		notes = append(notes, text)
	}
	if place, free := bootSpace(hp.Observed); d.BootNeeds > 0 && place != "" && d.BootNeeds > free {
		notes = append(notes, fmt.Sprintf("not enough space in %s: kernel and initrd need %d MiB, %d MiB are free", place, mebibytes(d.BootNeeds), free>>20))
	}
	if len(d.Reboot) > 0 {
		notes = append(notes, "needs a reboot for another "+strings.Join(d.Reboot, ", "))
	}
	return notes
}

// unpackedShare is how much of the free space the unpacked fetches may take, as a
// part: what is built beside them is not counted by Nix.
const unpackedShare = 1.2

func transferNotes(hp deploy.HostPlan) []string {
	need := hp.Transfer.Unpacked
	place, free := space(hp.Observed, "/nix", "/")
	if need == 0 || place == "" || float64(need)*unpackedShare <= float64(free) {
		return nil
	}
	return []string{fmt.Sprintf("not enough space in %s: what is fetched unpacks to %d MiB, %d MiB are free", place, mebibytes(need), free>>20)}
}

// bootSpace is the folder that kernels are copied to, by boot loader, with its
// free bytes.
func bootSpace(o *deploy.Observation) (place string, free int64) {
	if o.Reader == "systemd-boot" {
		return space(o, "/boot", "/efi", "/boot/efi", "/")
	}
	return space(o, "/boot", "/")
}

// space gives the first of places that is a file system of its own.
func space(o *deploy.Observation, places ...string) (place string, free int64) {
	for _, place := range places {
		if free, read := o.FreeBytes[place]; read {
			return place, free
		}
	}
	return "", 0
}

// mebibytes rounds up: 0 MiB are never too much.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// connectionNote says what a switch does to units that a connection hangs on.
func connectionNote(u *deploy.UnitChanges) string {
	var parts []string
	for _, unit := range u.AtRisk() {
		stop, start := slices.Contains(u.Stop, unit), slices.Contains(u.Start, unit)
		does := "reloads "
		switch {
		case slices.Contains(u.Restart, unit), stop && start:
			does = "restarts "
		case stop:
			does = "stops "
		case start:
			does = "starts "
		}
		parts = append(parts, does+unit)
	}
	if len(parts) == 0 {
		return ""
	}
	return "the connection is at risk: a switch " + strings.Join(parts, ", ")
}
