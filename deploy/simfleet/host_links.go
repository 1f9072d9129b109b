package simfleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Boot loaders, by the name that inspection gives its reader of them.
const (
	ReaderSystemdBoot = "systemd-boot"
	ReaderGrub        = "grub"
	ReaderExtlinux    = "extlinux"
	ReaderProfile     = "profile" // containers and WSL boot what the profile is
	ReaderUnknown     = "unknown" // the host boots something, and nobody can read what
)

// generation is one system-N-link of the profile.
type generation struct {
	number   int
	toplevel string
}

// profile is the system profile with nix-env's algebra (contract 3.1).
type profile struct {
	generations []generation // ascending
	current     int          // number, 0: no profile
}

func (p *profile) find(number int) (int, bool) {
	return slices.BinarySearchFunc(p.generations, number, func(g generation, n int) int { return g.number - n })
}

// target is what generation number links to, "" when it is not there.
func (p *profile) target(number int) string {
	if i, ok := p.find(number); ok {
		return p.generations[i].toplevel
	}
	return ""
}

// link is what the profile link reads, "" for no profile.
func (p *profile) link() string {
	if p.current == 0 {
		return ""
	}
	return linkName(p.current)
}

func linkName(number int) string { return "system-" + strconv.Itoa(number) + "-link" }

// linkNumber reads the number of a generation link, 0 when it is not one.
func linkNumber(link string) int {
	link, begins := strings.CutPrefix(link, "system-")
	number, ends := strings.CutSuffix(link, "-link")
	if !begins || !ends {
		return 0
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

// set is nix-env --set: equal to the highest generation makes no new one, and
// points back at it even when it was rolled away from.
func (p *profile) set(toplevel string) {
	if n := len(p.generations); n > 0 && p.generations[n-1].toplevel == toplevel {
		p.current = p.generations[n-1].number
		return
	}
	number := 1
	if n := len(p.generations); n > 0 {
		number = p.generations[n-1].number + 1
	}
	p.generations = append(p.generations, generation{number: number, toplevel: toplevel})
	p.current = number
}

// switchTo is nix-env --switch-generation; it returns what nix-env prints.
func (p *profile) switchTo(number int) (string, error) {
	if _, ok := p.find(number); !ok {
		return "", fmt.Errorf("error: profile version %d does not exist", number)
	}
	text := fmt.Sprintf("switching profile from version %d to %d", p.current, number)
	p.current = number
	return text, nil
}

// below is the highest existing number below number, 0 for none.
func (p *profile) below(number int) int {
	i, _ := p.find(number)
	if i == 0 {
		return 0
	}
	return p.generations[i-1].number
}

// rollback is nix-env --rollback: to the next number below the current one,
// which need not be what was active before.
func (p *profile) rollback() (string, error) {
	to := p.below(p.current)
	if to == 0 {
		return "", fmt.Errorf("error: no profile version older than the current (%d) exists", p.current)
	}
	return p.switchTo(to)
}

// numbers lists the generations as the scripts print them.
func (p *profile) numbers() string {
	var b strings.Builder
	for i, g := range p.generations {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(g.number))
	}
	return b.String()
}

// links reads what the scripts read. The next boot is told only where a reader
// for it exists; the host itself always knows.
func (h *Host) links() deploy.Links {
	l := deploy.Links{
		ProfileLink: h.profile.link(), Profile: h.profile.target(h.profile.current),
		Running: h.running, Booted: h.booted.toplevel, NextBoot: h.nextBoot(), Reader: h.reader(),
	}
	if l.Reader == ReaderUnknown {
		l.NextBoot = ""
	}
	return l
}

func (h *Host) reader() string {
	switch {
	case h.traits.Reader != "":
		return h.traits.Reader
	case h.traits.Container || h.traits.WSL:
		return ReaderProfile
	}
	return ReaderSystemdBoot
}

// nextBoot is what the host really boots next.
func (h *Host) nextBoot() string {
	if h.reader() == ReaderProfile {
		return h.profile.target(h.profile.current)
	}
	return h.loader
}

// linksLine is links as the scripts print them.
func linksLine(l deploy.Links) string {
	fields := []string{l.ProfileLink, l.Profile, l.Running, l.Booted, l.NextBoot, l.Reader}
	for i, f := range fields {
		if f == "" {
			fields[i] = "-"
		}
	}
	return strings.Join(fields, " ")
}

// rebootPending says that what runs has another kernel than what was booted.
func (h *Host) rebootPending() bool {
	booted, running := h.system(h.booted.toplevel), h.system(h.running)
	return booted != nil && running != nil && booted.Kernel != running.Kernel
}
