package e2e

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A confirmed host reboots in its soak, and is unwell in its new boot: back it
// goes. (The well one stays: TestAPowerCutAtEveryStep.)
func TestAHostThatIsUnwellAfterARebootInTheSoakIsReturned(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "60s", "soak = \"6s\""+waitingCheck), member{host: h, stage: "dev"})
		before := h.Links()
		o.flake(every(release(2), h))
		h.MustSSH("touch /run/well") // gone with the boot
		p := o.start("apply", "--yes", "--first")
		o.until("the soak", func() bool { return strings.Contains(o.journal(), `"kind":"soak-started"`) })
		h.PowerCut()
		h.Start()
		r := p.wait()
		r.wantExit(t, 5)
		r.wantText(t, "all read back")
		wantBack(t, h, before)
		wantResolved(t, h)
	})
}

// A kernel that does not come up is beyond any guard in switch mode, until
// somebody picks the older generation in the boot menu: then the guard sets
// right what boots next, and a resume that has waited tells it. In test-first
// nothing boots it before the confirmation.
func TestASystemThatDoesNotBootIsReturnedFromTheBootMenu(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, mode string) {
		h := lab.Up(t, lab.Options{})
		o := newOperator(t, h)
		o.inventory(devWith(mode, "8s", waitingCheck), member{host: h, stage: "dev"})
		before := h.Links()
		bad := release(2)
		bad.KernelVersion, bad.KernelPanics = "6.6.99", true
		o.flake(every(bad, h))
		p := o.start("apply", "--yes", "--first")
		p.reaches("step-started", "health")
		h.PowerCut()
		p.kill()
		h.Start()
		contacts := func() int { return strings.Count(o.journal(), `"step":"connect"`) }
		had := contacts()
		resume := o.start("resume")
		if mode == "switch" {
			o.until("the resume's first attempt", func() bool { return contacts() > had })
			h.PowerCut()
			h.StartGeneration(1)
		}
		r := resume.wait()
		r.wantExit(t, 5)
		r.wantText(t, "returned")
		wantBack(t, h, before)
		wantResolved(t, h)
	})
}
