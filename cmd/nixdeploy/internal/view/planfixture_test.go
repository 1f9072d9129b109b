package view

import (
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

const mib = 1 << 20

// bumped is a package of another version, by so many bytes larger.
func bumped(name, old, wanted string, bytes int64) deploy.PackageChange {
	return deploy.PackageChange{Name: name, Old: []string{old}, New: []string{wanted}, Bytes: bytes}
}

// webDifference is what a release brings to a web server. Hosts differ in their
// toplevels, in the toplevel's package, and by the bytes of their names.
func webDifference(host string) *deploy.Difference {
	return &deploy.Difference{
		From: storePath(host), To: storePath(host + "-new"),
		OldSize: 1700*mib + int64(len(host)), NewSize: 1786*mib + 200<<10 + int64(len(host)),
		Packages: []deploy.PackageChange{
			{Name: "apache-httpd", Old: []string{"2.4.63"}, New: []string{}, Bytes: -9 * mib},
			{Name: "brotli", Old: []string{}, New: []string{"1.1.0"}, Bytes: 2 * mib},
			{Name: "etc", Old: []string{}, New: []string{}, Bytes: 12 << 10},
			bumped("nginx", "1.27.4", "1.28.0", 300<<10),
			bumped("nixos-system-"+host, "26.05.20260101.4f1c2ab", "26.05.20260301.9d0e7c1", 0),
			{Name: "openssl", Old: []string{"3.3.1", "3.3.2"}, New: []string{"3.3.3"}, Bytes: 40 << 10},
			bumped("php-with-extensions", "8.3.11", "8.3.12", -5<<10),
			{Name: "unit-brotli.service", Old: []string{}, New: []string{"ε"}, Bytes: 800},
		},
		Units: &deploy.UnitChanges{
			Stop: []string{"httpd.service"}, Start: []string{"brotli.service"},
			Restart: []string{"nginx.service", "phpfpm-www.service", "sshd.service"}, Reload: []string{"dbus.service"},
		},
	}
}

// dbDifference is that of a database, which needs a reboot.
func dbDifference(host string) *deploy.Difference {
	return &deploy.Difference{
		From: storePath(host), To: storePath(host + "-new"), OldSize: 2100 * mib, NewSize: 2040 * mib,
		Packages: []deploy.PackageChange{bumped("linux", "6.12.20", "6.12.25", mib), bumped("postgresql", "17.2", "17.4", 3*mib)},
		Units:    &deploy.UnitChanges{Restart: []string{"postgresql.service"}, Kept: []string{"systemd-udevd.service"}},
		Reboot:   []string{"kernel", "kernel-modules"}, BootNeeds: 40 * mib,
	}
}

// wideDifference has more packages than a screen has lines.
func wideDifference(host string) *deploy.Difference {
	d := webDifference(host)
	d.Units = &deploy.UnitChanges{Manager: true}
	for i := range 70 {
		d.Packages = append(d.Packages, bumped(fmt.Sprintf("python3.13-library-%02d", i), fmt.Sprintf("1.%d.0", i), fmt.Sprintf("1.%d.1", i), int64(i)<<10))
		d.Units.Restart = append(d.Units.Restart, fmt.Sprintf("worker-%02d.service", i))
	}
	return d
}

func differing(host string, generation, wave int, d *deploy.Difference, notes ...string) deploy.HostPlan {
	return deploy.HostPlan{
		Host: host, Target: "hetzner", Wave: wave, Change: deploy.ChangeSwitch, Observed: observed(generation, host), Wanted: d.To,
		Difference: d, Notes: notes,
	}
}

const (
	riskNote   = "the connection is at risk: a switch restarts sshd.service"
	rebootNote = "needs a reboot for another kernel, kernel-modules"
)

// fivePlan is a full plan of five hosts at three generations.
func fivePlan() deploy.Plan {
	p := shopPlan()
	p.Waves = [][]string{{"web1"}, {"web2", "web3"}, {"bak1", "db1"}}
	p.Hosts = []deploy.HostPlan{
		differing("web1", 118, 1, webDifference("web1"), riskNote),
		differing("web2", 117, 2, webDifference("web2"), riskNote),
		differing("web3", 117, 2, webDifference("web3"), riskNote, "a reboot is pending from before, for another kernel or initrd: booted 0c4kx1mm-old, runs 0c4kx1mm-now"),
		{Host: "bak1", Target: "hetzner", Wave: 3, Change: deploy.ChangeUnchanged, Observed: observed(88, "bak1")},
		differing("db1", 118, 3, dbDifference("db1"), rebootNote),
	}
	return p
}

// toFetch is a plan before anything is built.
func toFetch() deploy.Plan {
	p := fivePlan()
	for i := range p.Hosts {
		h := &p.Hosts[i]
		if h.Change != deploy.ChangeSwitch {
			continue
		}
		hash := fmt.Sprintf("/nix/store/%032d-", i)
		h.Difference, h.Notes = nil, nil
		h.Build = []string{hash + "unit-app.service.drv", hash + "nixos-system-" + h.Host + "-26.05.drv", hash + "app-1.2.drv"}
		h.Fetch = []string{hash + "nginx-1.28.0", hash + "openssl-3.3.3"}
		h.Transfer = deploy.Transfer{Download: 86 * mib, Unpacked: 240 * mib}
	}
	return p
}

// largePlan is one of so many hosts that share three configurations.
func largePlan(n int) deploy.Plan {
	p := shopPlan()
	p.Hosts, p.Waves, p.AtMost = nil, make([][]string, 4), 9*time.Hour
	for i := range n {
		name := fmt.Sprintf("host%05d", i)
		wave := min(len(p.Waves), 1+i*len(p.Waves)/n)
		if i == 0 {
			wave = 1
		}
		p.Waves[wave-1] = append(p.Waves[wave-1], name)
		switch i % 3 {
		case 0:
			p.Hosts = append(p.Hosts, differing(name, 100+i%7, wave, webDifference(name), riskNote))
		case 1:
			p.Hosts = append(p.Hosts, differing(name, 100+i%7, wave, dbDifference(name), rebootNote))
		default:
			p.Hosts = append(p.Hosts, differing(name, 100+i%7, wave, wideDifference(name)))
		}
	}
	return p
}

// troubledPlan is a large one in which some hosts cannot be read, each for a
// reason of its own, and some are another's.
func troubledPlan(n int) deploy.Plan {
	p := largePlan(n)
	for i := range p.Hosts {
		h := &p.Hosts[i]
		h.Notes = append(h.Notes, fmt.Sprintf("no marker: nixdeploy never confirmed this host, so it needs --first (hostname found: %q)", h.Host))
		switch {
		case i%30 == 7:
			*h = deploy.HostPlan{Host: h.Host, Target: h.Target, Wave: h.Wave, Change: deploy.ChangeUnknown, Problem: &deploy.Problem{
				Code: deploy.CodeUnreachable, Step: deploy.StepConnect, What: fmt.Sprintf("10.0.%d.%d:22 timed out", i/256, i%256),
				State: "not touched", Next: "nixdeploy status --on " + h.Host,
			}}
		case i%100 == 9:
			*h = deploy.HostPlan{Host: h.Host, Target: h.Target, Wave: h.Wave, Change: deploy.ChangeBlocked, Problem: &deploy.Problem{
				Code: deploy.CodeIdentity, Step: deploy.StepInspect, What: "its marker says fleet home, host nas" + fmt.Sprint(i),
				State: "not touched", Next: "nixdeploy hosts --on " + h.Host,
			}}
		}
	}
	return p
}
