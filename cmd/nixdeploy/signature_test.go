package main

import (
	"crypto/ed25519"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

// signing is a fleet whose plans ann may sign, with a plan saved. Keys of ann and
// of bob lie beside it.
func signing(t *testing.T) *simulated {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed: nothing is signed or verified")
	}
	s := newSimulated(t)
	for _, name := range []string{"ann", "bob"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", s.path(name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.edit(t, "hosts.toml", func(text string) string {
		return text + "\n[plans]\nallowed_signers = \"signers\"\nrequire_signature = true\n"
	})
	s.allow(t, "ann@example.org,ann "+s.key(t, "ann"))
	s.run(t, 0, "plan", "--stage", "container", "-o", "release.plan")
	s.forget()
	return s
}

func (s *simulated) key(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(s.path(name + ".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// allow writes the list of signers.
func (s *simulated) allow(t *testing.T, lines ...string) {
	t.Helper()
	if err := os.WriteFile(s.path("signers"), []byte("# who signs\n"+strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refuses wants an apply of the plan to end with exit 7 before anything was
// contacted.
func (s *simulated) refuses(t *testing.T, why ...string) {
	t.Helper()
	before := s.Links()
	s.run(t, 7, "apply", "release.plan")
	s.says(t, append(why, "error[signature]", "state nothing was contacted")...)
	s.unmoved(t, before)
	if len(s.sent) > 0 {
		t.Errorf("hosts were asked: %q", s.sent)
	}
}

func TestASignedPlanIsAppliedAndTheJournalSaysWhoSigned(t *testing.T) {
	s := signing(t)
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "ann")
	s.says(t, "signed plan "+s.plan(t).ID+": release.plan.sig")
	s.run(t, 0, "apply", "release.plan")
	s.says(t, "signed by ann@example.org")
	runs, err := journal.List(s.path("state"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%v, %v", runs, err)
	}
	events, err := journal.Read(s.path("state"), runs[0].Run)
	if err != nil {
		t.Fatal(err)
	}
	if got := deploy.Fold(events).Start.SavedPlan; got == nil || got.Signer != "ann@example.org" {
		t.Errorf("the journal has %+v", got)
	}
	s.run(t, 0, "show", runs[0].Run)
	s.says(t, "saved plan "+s.plan(t).ID, "SHA-256 "+s.plan(t).hash(), "signed by ann@example.org")
	s.run(t, 0, "show", "--json", runs[0].Run)
	s.says(t, `"signer": "ann@example.org"`)
}

func TestWithoutAValidSignatureNothingIsContacted(t *testing.T) {
	s := signing(t)
	s.refuses(t, "the saved plan is not signed", "there is no release.plan.sig", "may sign, by signers: ann@example.org,ann")

	s.run(t, 0, "plan", "sign", "release.plan", "--key", "bob")
	s.refuses(t, "of nobody who may sign", "may sign, by signers: ann@example.org,ann")

	s.run(t, 0, "plan", "sign", "--key", "ann", "release.plan")
	s.edit(t, "release.plan", func(text string) string { return text + "\n" })
	s.refuses(t, "the signature is not one of this plan")

	s.run(t, 0, "plan", "sign", "release.plan", "--key", "ann")
	s.allow(t, `ann@example.org valid-before="20200101" `+s.key(t, "ann"))
	s.refuses(t, "expired")
	s.allow(t, `ann@example.org namespaces="git" `+s.key(t, "ann"))
	s.refuses(t)

	s.allow(t, "ann@example.org "+s.key(t, "ann"))
	sign := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", s.path("ann"))
	sign.Stdin, sign.Dir = strings.NewReader(string(s.plan(t).data)), s.Dir
	other, err := sign.Output()
	if err == nil {
		err = os.WriteFile(s.path("release.plan.sig"), other, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.refuses(t, "signed as something else")

	s.edit(t, "release.plan.sig", func(string) string { return "nonsense" })
	s.refuses(t)
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "ann")
	if err := os.Chmod(s.path("signers"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, "the list of signers can be written by everybody", "chmod o-w signers")
	if err := os.Remove(s.path("signers")); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, "nobody may sign plans")

	// Nor is there a way around.
	s.run(t, 7, "apply", "--yes", "--stage", "container")
	s.says(t, "nothing is applied here but a signed plan", "hosts.toml:", "require_signature = true")
	s.app.Environ = append(s.app.Environ, "PATH="+t.TempDir())
	s.allow(t, "ann@example.org "+s.key(t, "ann"))
	s.refuses(t, "there is no ssh-keygen here")
	if len(s.sent) > 0 {
		t.Errorf("hosts were asked: %q", s.sent)
	}
}

// An apply without a file is refused there, so none is recommended.
func TestWherePlansAreSignedNoOtherApplyIsRecommended(t *testing.T) {
	s := signing(t)
	s.run(t, 0, "plan", "--stage", "container", "--first")
	s.says(t, "Next: nixdeploy plan --stage container --first --out release.plan")
	s.run(t, 0, "plan", "--stage", "container", "--out", "release.plan")
	s.says(t, "Next: nixdeploy plan sign release.plan --key KEY")
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "ann")
	s.run(t, 0, "apply", "release.plan")
	s.says(t, "Next: nixdeploy plan --stage dev")
}

// Where signatures are not required, one that is there has to be right.
func TestASignatureThatIsThereIsVerified(t *testing.T) {
	s := signing(t)
	s.edit(t, "hosts.toml", func(text string) string {
		return strings.Replace(text, "require_signature = true", "require_signature = false", 1)
	})
	s.run(t, 0, "plan", "--stage", "container", "-o", "release.plan")
	s.forget()
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "bob")
	s.refuses(t, "of nobody who may sign")
	if err := os.Remove(s.path("release.plan.sig")); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "apply", "release.plan")
}

func TestAKeyInTheAgentSigns(t *testing.T) {
	s := signing(t)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	line := string(ssh.MarshalAuthorizedKey(public))
	if err := os.WriteFile(s.path("carol.pub"), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") // a short path: sockets have a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	serveAgent(t, socket, keys)
	s.app.Environ = append(s.app.Environ, "SSH_AUTH_SOCK="+socket)
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "carol.pub")
	s.allow(t, "carol@example.org "+line)
	s.run(t, 0, "apply", "release.plan")
	s.says(t, "signed by carol@example.org")
}

// serveAgent answers at a socket until the test ends.
func serveAgent(t *testing.T, socket string, keys agent.Agent) {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(keys, conn) // until the client goes
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
}

// A plan builds on the hosts without a signature; what it built is no system to go
// "back" to.
func TestARollbackIsNoWayAroundASignature(t *testing.T) {
	s := signing(t)
	s.run(t, 0, "plan", "--full", "--stage", "container", "-o", "release.plan")
	built := s.plan(t).Hosts()["box-1"].Wanted
	before := s.Links()
	s.forget()
	s.run(t, 7, "rollback", "--on", "box-1", "--to", built, "--yes")
	s.says(t, "error[signature]", "may be a system that was never signed", "hosts.toml:", "nothing was contacted")
	if len(s.sent) > 0 {
		t.Errorf("hosts were asked: %q", s.sent)
	}
	s.run(t, 0, "rollback", "--on", "box-1", "--to", "41", "--yes") // a generation of its own
	s.unmoved(t, before)
}

func TestASignatureAsJSON(t *testing.T) {
	s := signing(t)
	s.run(t, 0, "plan", "sign", "release.plan", "--key", "ann", "--json")
	var doc struct{ Type, Plan, File string }
	if err := json.Unmarshal(s.stdout.Bytes(), &doc); err != nil || doc.Type != "signature" || doc.Plan != s.plan(t).ID || doc.File != "release.plan.sig" {
		t.Errorf("%v: %s", err, &s.stdout)
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	s := signing(t)
	s.run(t, 2, "plan", "sign", "release.plan")
	s.says(t, "no key to sign with")
	s.run(t, 2, "plan", "sign", "--key", "ann")
	s.run(t, 2, "plan", "sign", "-", "--key", "ann")
	s.run(t, 2, "plan", "sign", "hosts.toml", "--key", "ann")
	s.says(t, "hosts.toml:")
	s.run(t, 2, "plan", "sign", "release.plan", "--key", "nosuch")
	s.says(t, "the key cannot be read")
	s.run(t, 7, "plan", "sign", "release.plan", "--key", "release.plan")
	s.says(t, "ssh-keygen did not sign", "no signature was written")
	if _, err := os.Stat(s.path("release.plan.sig")); err == nil {
		t.Error("a signature was written")
	}
}
