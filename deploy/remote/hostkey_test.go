package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// ring holds one key of each type, made once.
type ring struct{ ed, ecdsa, rsa, other, ca ssh.Signer }

func newRing(t testing.TB) ring {
	t.Helper()
	signer := func(key any, err error) ssh.Signer {
		t.Helper()
		must(t, err)
		s, err := ssh.NewSignerFromKey(key)
		must(t, err)
		return s
	}
	var r ring
	var err error
	r.ed, err = simfleet.DeriveHostKey("ed")
	must(t, err)
	r.other, err = simfleet.DeriveHostKey("other")
	must(t, err)
	r.ca, err = simfleet.DeriveHostKey("ca")
	must(t, err)
	r.ecdsa = signer(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	r.rsa = signer(rsaKey())
	return r
}

// rsaKey is made once: it takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// certify signs key as a host certificate for 127.0.0.1.
func (r ring) certify(t testing.TB, key ssh.Signer, change func(*ssh.Certificate)) ssh.Signer {
	t.Helper()
	c := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"},
		ValidBefore: ssh.CertTimeInfinity,
	}
	if change != nil {
		change(c)
	}
	must(t, c.SignCert(rand.Reader, r.ca))
	s, err := ssh.NewCertSigner(c, key)
	must(t, err)
	return s
}

// TestKnownHostsMatrix asks the same of OpenSSH's ssh, where it is installed:
// a host is let in by both, or refused by both, without one authentication
// request.
func TestKnownHostsMatrix(t *testing.T) {
	r := newRing(t)
	openssh, _ := exec.LookPath("ssh")
	line := func(name string, k ssh.Signer) string {
		return name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey())))
	}
	all := []ssh.Signer{r.ed, r.ecdsa, r.rsa}
	tests := map[string]struct {
		keys  []ssh.Signer               // the host's
		lines func(name string) []string // name is [127.0.0.1]:port
		ok    bool
		says  string // in the problem
	}{
		"plain":             {all, func(n string) []string { return []string{line(n, r.ed)} }, true, ""},
		"only ecdsa known":  {all, func(n string) []string { return []string{line(n, r.ecdsa)} }, true, ""},
		"only rsa known":    {all, func(n string) []string { return []string{line(n, r.rsa)} }, true, ""},
		"several known":     {all, func(n string) []string { return []string{line(n, r.other), line(n, r.rsa), line(n, r.ed)} }, true, ""},
		"hashed":            {all, func(n string) []string { return []string{line(xknownhosts.HashHostname(n), r.ecdsa)} }, true, ""},
		"list of names":     {all, func(n string) []string { return []string{line("example.org,"+n+",10.0.0.1", r.ed)} }, true, ""},
		"wildcard":          {all, func(string) []string { return []string{line("127.0.*", r.ed)} }, true, ""},
		"any":               {all, func(string) []string { return []string{line("*", r.ed)} }, true, ""},
		"without port":      {all, func(string) []string { return []string{line("127.0.0.1", r.ed)} }, true, ""},
		"without port, bad": {all, func(string) []string { return []string{line("127.0.0.1", r.other)} }, false, "another host key"},
		"broken lines": {all, func(n string) []string {
			return []string{"garbage", n + " ssh-ed25519 AAAA", "[x ssh-rsa AAAA", line(n, r.ed)}
		}, true, ""},
		"comment":         {all, func(n string) []string { return []string{"# " + line(n, r.other), line(n, r.ed) + " me@here"} }, true, ""},
		"unknown":         {all, func(string) []string { return []string{line("example.org", r.ed)} }, false, "unknown host key"},
		"empty file":      {all, func(string) []string { return nil }, false, "unknown host key"},
		"other port":      {all, func(string) []string { return []string{line("[127.0.0.1]:1", r.ed)} }, false, "unknown host key"},
		"negated":         {all, func(n string) []string { return []string{line("!"+n+",!127.0.0.1,*", r.ed)} }, false, "unknown host key"},
		"changed":         {all, func(n string) []string { return []string{line(n, r.other)} }, false, "another host key"},
		"changed, hashed": {all, func(n string) []string { return []string{line(xknownhosts.HashHostname(n), r.other)} }, false, "another host key"},
		"changed type":    {[]ssh.Signer{r.ed}, func(n string) []string { return []string{line(n, r.rsa)} }, false, "another host key"},
		"revoked":         {[]ssh.Signer{r.ed}, func(n string) []string { return []string{line(n, r.ed), line("@revoked *", r.ed)} }, false, "revoked"},
		"revoked first":   {[]ssh.Signer{r.ed}, func(n string) []string { return []string{line("@revoked "+n, r.ed), line(n, r.ed)} }, false, "revoked"},
		"another revoked": {all, func(n string) []string { return []string{line("@revoked *", r.other), line(n, r.ed)} }, true, ""},
		"authority": {[]ssh.Signer{r.certify(t, r.ed, nil)},
			func(string) []string { return []string{line("@cert-authority *", r.ca)} }, true, ""},
		"authority, ecdsa key": {[]ssh.Signer{r.certify(t, r.ecdsa, nil)},
			func(string) []string { return []string{line("@cert-authority 127.0.0.1", r.ca)} }, true, ""},
		"authority, port": {[]ssh.Signer{r.certify(t, r.rsa, nil)},
			func(n string) []string { return []string{line("@cert-authority "+n, r.ca)} }, true, ""},
		"authority of others": {[]ssh.Signer{r.certify(t, r.ed, nil)},
			func(string) []string { return []string{line("@cert-authority *.example.org", r.ca)} }, false, ""},
		"authority, plain key": {all, func(string) []string { return []string{line("@cert-authority *", r.ca)} }, false, ""},
		"authority's key itself": {[]ssh.Signer{r.ca},
			func(string) []string { return []string{line("@cert-authority *", r.ca)} }, false, ""},
		"authority, other name": {[]ssh.Signer{r.certify(t, r.ed, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"web-2"} })},
			func(string) []string { return []string{line("@cert-authority *", r.ca)} }, false, "not accepted"},
		"authority, expired": {[]ssh.Signer{r.certify(t, r.ed, func(c *ssh.Certificate) { c.ValidBefore = 1000 })},
			func(string) []string { return []string{line("@cert-authority *", r.ca)} }, false, "not accepted"},
		"authority, user certificate": {[]ssh.Signer{r.certify(t, r.ed, func(c *ssh.Certificate) { c.CertType = ssh.UserCert })},
			func(string) []string { return []string{line("@cert-authority *", r.ca)} }, false, "not accepted"},
		"authority revoked": {[]ssh.Signer{r.certify(t, r.ed, nil)},
			func(string) []string { return []string{line("@cert-authority *", r.ca), line("@revoked *", r.ca)} }, false, "revoked"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.stranger(simfleet.ServerOptions{HostKeys: tt.keys})
			must(t, os.WriteFile(l.known, []byte(strings.Join(tt.lines(xknownhosts.Normalize(s.Addr())), "\n")+"\n"), 0o600))
			c, err := l.dialer(l.options()).Dial(t.Context(), host(s))
			if tt.ok {
				must(t, err)
				must(t, c.Close())
			} else {
				mustContain(t, problem(t, err, deploy.CodeHostKey).What, tt.says)
				if tries := s.Record().Auth; len(tries) > 0 {
					t.Errorf("authentication was tried: %v", tries)
				}
			}
			if openssh != "" {
				if theirs := opensshAccepts(t, openssh, l, s); theirs != tt.ok {
					t.Errorf("OpenSSH says %v, nixdeploy %v", theirs, tt.ok)
				}
			}
		})
	}
}

// opensshAccepts tells whether OpenSSH goes on to authenticate.
func opensshAccepts(t *testing.T, bin string, l *lab, s *simfleet.Server) bool {
	t.Helper()
	before := len(s.Record().Auth)
	address, port, _ := net.SplitHostPort(s.Addr())
	cmd := exec.Command(bin, "-F", "/dev/null", "-i", filepath.Join(l.dir, "id_ed25519"),
		"-o", "UserKnownHostsFile="+l.known, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes",
		"-o", "BatchMode=yes", "-o", "UpdateHostKeys=no", "-p", port, "deploy@"+address, "true")
	out, _ := cmd.CombinedOutput()
	accepted := len(s.Record().Auth) > before
	if !accepted && !strings.Contains(string(out), "ost key verification failed") && !strings.Contains(string(out), "Unable to negotiate") &&
		!strings.Contains(strings.ToLower(string(out)), "revoked") && !strings.Contains(string(out), "no hostkey alg") {
		t.Logf("OpenSSH: %s", out)
	}
	return accepted
}

// What a person needs to decide: both fingerprints, and where the old one is.
func TestChangedKeyIsExplained(t *testing.T) {
	r := newRing(t)
	l := newLab(t)
	s := l.stranger(simfleet.ServerOptions{HostKeys: []ssh.Signer{r.ed}})
	l.knownLine("# a comment")
	l.knownLine("broken line")
	l.knownLine(xknownhosts.Line([]string{xknownhosts.Normalize(s.Addr())}, r.other.PublicKey()))
	_, err := l.dialer(l.options()).Dial(t.Context(), host(s))
	p := problem(t, err, deploy.CodeHostKey)
	text := strings.Join(p.Details, "\n")
	for _, want := range []string{ssh.FingerprintSHA256(r.ed.PublicKey()), ssh.FingerprintSHA256(r.other.PublicKey()), l.known + ":3"} {
		mustContain(t, text, want)
	}
	mustContain(t, p.Next, "ssh-keygen -R '"+xknownhosts.Normalize(s.Addr())+"'")
	if !p.Security() || p.Host != "web-1" || p.Step != deploy.StepConnect {
		t.Errorf("%+v", p)
	}
}

func TestPinnedHostKey(t *testing.T) {
	r := newRing(t)
	pin := func(keys ...ssh.Signer) string {
		var b strings.Builder
		for _, k := range keys {
			b.Write(ssh.MarshalAuthorizedKey(k.PublicKey()))
		}
		return strings.TrimSpace(b.String())
	}
	tests := map[string]struct {
		pin   string
		known func(name string) string // a line of known_hosts
		ok    bool
	}{
		"right":           {pin(r.ed), nil, true},
		"right of others": {pin(r.rsa), nil, true},
		"one of two":      {pin(r.rsa, r.ecdsa), nil, true},
		"wrong":           {pin(r.other), nil, false},
		"one of two bad":  {pin(r.other, r.ecdsa), nil, false}, // it has an ed25519 key, and another one
		"over known":      {pin(r.ed), func(n string) string { return xknownhosts.Line([]string{n}, r.other.PublicKey()) }, true},
		"not over pin":    {pin(r.other), func(n string) string { return xknownhosts.Line([]string{n}, r.ed.PublicKey()) }, false},
		"revoked":         {pin(r.ed), func(string) string { return "@revoked * " + pin(r.ed) }, false},
		"unreadable":      {"ssh-ed25519 nonsense", nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.stranger(simfleet.ServerOptions{HostKeys: []ssh.Signer{r.ed, r.ecdsa, r.rsa}})
			if tt.known != nil {
				l.knownLine(tt.known(xknownhosts.Normalize(s.Addr())))
			}
			h := host(s)
			h.HostKey = tt.pin
			c, err := l.dialer(l.options()).Dial(t.Context(), h)
			if tt.ok {
				must(t, err)
				must(t, c.Close())
				return
			}
			failsAs(t, err, deploy.CodeHostKey)
			if tries := s.Record().Auth; len(tries) > 0 {
				t.Errorf("authentication was tried: %v", tries)
			}
		})
	}
}

// The key is checked on each connection, not once per host.
func TestSwappedKeyOnReconnect(t *testing.T) {
	r := newRing(t)
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{HostKeys: []ssh.Signer{r.ed}})
	d := l.dialer(l.options())
	l.dial(d, host(s))
	s.SetHostKeys(r.other)
	before := len(s.Record().Auth)
	_, err := d.Dial(t.Context(), host(s))
	failsAs(t, err, deploy.CodeHostKey)
	if tries := s.Record().Auth[before:]; len(tries) > 0 {
		t.Errorf("authentication was tried: %v", tries)
	}
}

func TestUnreadableRevocationIsFatal(t *testing.T) {
	l := newLab(t)
	l.knownLine("@revoked * ssh-ed25519 broken")
	if _, err := NewDialer(l.options()); err == nil {
		t.Error("a revocation was lost")
	}
}

func TestAlgorithms(t *testing.T) {
	r := newRing(t)
	known := func(k ssh.Signer, cert bool) knownhosts.PublicKey {
		return knownhosts.PublicKey{PublicKey: k.PublicKey(), Cert: cert}
	}
	if got := algorithms([]knownhosts.PublicKey{known(r.rsa, false)}); got[0] != ssh.KeyAlgoRSASHA512 || got[1] != ssh.KeyAlgoRSASHA256 {
		t.Errorf("rsa: %v", got)
	}
	if got := algorithms([]knownhosts.PublicKey{known(r.ecdsa, false), known(r.ca, true)}); got[0] != ssh.CertAlgoED25519v01 || !slices.Contains(got, ssh.CertAlgoRSASHA512v01) {
		t.Errorf("authority: %v", got)
	}
	for _, list := range [][]string{algorithms(nil), algorithms([]knownhosts.PublicKey{known(r.rsa, true)})} {
		if slices.Contains(list, ssh.KeyAlgoRSA) || slices.Contains(list, ssh.CertAlgoRSAv01) {
			t.Errorf("SHA-1 is offered: %v", list)
		}
	}
}

func TestMissingFilesAreEmpty(t *testing.T) {
	k, err := loadKnownHosts([]string{filepath.Join(t.TempDir(), "none")})
	must(t, err)
	if k.db != nil || len(k.keys("h:22")) != 0 {
		t.Error("something is known")
	}
	if _, err := loadKnownHosts([]string{t.TempDir()}); err == nil {
		t.Error("a folder was read as known hosts")
	}
}

// Whatever the file holds, it is read or refused, never half trusted: what is
// known after cleaning is what the file's good lines say.
func FuzzKnownHosts(f *testing.F) {
	r, err := simfleet.DeriveHostKey("fuzz")
	must(f, err)
	good := "h " + string(ssh.MarshalAuthorizedKey(r.PublicKey()))
	for _, s := range []string{
		"", "\n", "#", good, "|1|a|b ssh-rsa AAAA\n" + good, "@revoked " + good, "@cert-authority " + good, "@x " + good,
		"h ssh-ed25519 AAAA\n" + good, "[ " + good, "!," + good, "h  \t" + good, strings.Repeat("a", 70_000) + "\n" + good,
		"h option ssh-ed25519 x\n", xknownhosts.HashHostname("h") + good[1:], "h\x00 ssh\r\n" + good,
	} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "known_hosts")
		must(t, os.WriteFile(file, data, 0o600))
		k, err := loadKnownHosts([]string{file})
		if err != nil {
			return
		}
		lines := strings.Split(string(data), "\n")
		for _, key := range k.keys("h:22") {
			blob := strings.Fields(string(ssh.MarshalAuthorizedKey(key)))[1]
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, blob) }) {
				t.Errorf("a key is known that no line holds: %s", blob)
			}
		}
	})
}
