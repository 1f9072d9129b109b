package health

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// quick has clocks for real connections on the loopback.
func quick(kind inventory.CheckType) inventory.Check {
	return inventory.Check{
		Name: "web", Type: kind, From: "deployer", ExpectStatus: 200,
		Interval: time.Millisecond, Timeout: 10 * time.Second, Successes: 2, Deadline: 20 * time.Second,
	}
}

// once tries a check from the deployer a single time; it asks no host.
func once(t *testing.T, c inventory.Check, h inventory.Host) Result {
	t.Helper()
	return RunOnce(t.Context(), []inventory.Check{c}, h, nil, nil)[0]
}

func TestHTTPFromTheDeployer(t *testing.T) {
	var asked, elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !r.Close {
			t.Error("a connection would be kept, and the next try would not show that a new one opens")
		}
		switch r.URL.Path {
		case "/healthz/web-1":
			fmt.Fprint(w, "fine")
		case "/moved":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/endless":
			w.WriteHeader(http.StatusOK)
			for range 1 << 20 {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	host := inventory.Host{Name: "web-1", Address: address}

	c := quick(inventory.CheckHTTP)
	c.URL = "http://{address}/healthz/{host}"
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // it would answer for itself
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	results := Run(t.Context(), []inventory.Check{c}, host, nil, nil)
	if want := "http http://" + address + "/healthz/web-1: 200, 2 times in a row, 2 tries"; results[0].Verdict != Passed || results[0].Detail != want {
		t.Errorf("%+v, want %q", results[0], want)
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}

	for path, want := range map[string]struct {
		verdict Verdict
		detail  string
	}{
		"/":        {Failed, "503, wanted 200, 1 try"},
		"/moved":   {Failed, "302, wanted 200"},
		"/endless": {Passed, "200"},
	} {
		c.URL = server.URL + path
		if got := once(t, c, host); got.Verdict != want.verdict || !strings.Contains(got.Detail, want.detail) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	c.URL, c.ExpectStatus = server.URL+"/moved", http.StatusFound
	if got := once(t, c, host); got.Verdict != Passed {
		t.Errorf("a redirect that was wanted: %+v", got)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of the handshake that fails
	defer server.Close()
	c := quick(inventory.CheckHTTP)
	c.URL = server.URL
	if got := once(t, c, web); got.Verdict != Failed || !strings.Contains(got.Detail, "certificate") {
		t.Errorf("%+v", got)
	}
}

func TestTCPFromTheDeployer(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	host := inventory.Host{Name: "web-1", Address: "127.0.0.1"}
	c := quick(inventory.CheckTCP)
	c.Address = ":" + port
	if got := once(t, c, host); got.Verdict != Passed || got.Detail != "tcp 127.0.0.1:"+port+": connected, 1 try" {
		t.Errorf("%+v", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := once(t, c, host); got.Verdict != Failed || !strings.Contains(got.Detail, "refused") {
		t.Errorf("nobody listens: %+v", got)
	}
}

// What the deployer cannot find out must neither pass nor blame the host.
func TestAServiceThatFailsAndADeployerThatCannotAsk(t *testing.T) {
	wrap := func(err error) error { return &url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: err}} }
	for _, tt := range []struct {
		err  error
		want Answer
	}{
		{nil, Yes},
		{wrap(syscall.ECONNREFUSED), No},
		{wrap(syscall.ECONNRESET), No},
		{wrap(syscall.EHOSTUNREACH), No},
		{wrap(x509.UnknownAuthorityError{}), No},
		{wrap(context.DeadlineExceeded), No},
		{wrap(&net.DNSError{Err: "no such host", IsNotFound: true}), Unknown},
		{wrap(syscall.ENETUNREACH), Unknown},
		{wrap(syscall.EMFILE), Unknown},
		{wrap(x509.SystemRootsError{}), Unknown},
		{wrap(context.Canceled), Unknown},
	} {
		if got := answerOf(tt.err, time.Second); got.Answer != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got.Answer, tt.want)
		}
	}
	for _, target := range []string{"ftp://web/", "http://", "http://a b/", "://", "http://x:y/", ""} {
		c := quick(inventory.CheckHTTP)
		c.URL = target
		if got := once(t, c, web); got.Verdict != Inconclusive {
			t.Errorf("URL %q: %+v", target, got)
		}
	}
	c := quick(inventory.CheckTCP)
	c.Address = "no-port"
	if got := once(t, c, web); got.Verdict != Inconclusive {
		t.Errorf("an address without a port: %+v", got)
	}
}

func TestFromTheHostOnlyAProblemIsUnknown(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Answer
	}{
		{nil, Yes},
		{errors.New("curl on the host ended with exit code 7"), No},
		{context.DeadlineExceeded, No},
		{fmt.Errorf("asking: %w", &deploy.Problem{Code: deploy.CodeProtocol, What: "odd", Err: context.DeadlineExceeded}), Unknown},
		{context.Canceled, Unknown},
	} {
		if got := remoteAnswer(tt.err, time.Second); got.Answer != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got.Answer, tt.want)
		}
	}
	p := &deploy.Problem{Code: deploy.CodeUnreachable, What: "gone", Err: context.DeadlineExceeded}
	if got := commandError(p, time.Second); got.Answer != Unknown {
		t.Errorf("a command whose connection was lost: %+v", got)
	}
}
