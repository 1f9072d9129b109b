package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"
)

// get requests target from here and gives the status code: a redirect is a
// status like any other, certificates are verified, no proxy is asked (it
// would answer for itself), and every try is a connection of its own.
func get(ctx context.Context, target string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, &askError{err}
	}
	if (req.URL.Scheme != "http" && req.URL.Scheme != "https") || req.URL.Host == "" {
		return 0, &askError{fmt.Errorf("%q is no http or https URL", req.URL.Redacted())}
	}
	req.Header.Set("User-Agent", "nixdeploy")
	transport := &http.Transport{
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // Describe has said the URL
		}
		return 0, err
	}
	// The status is the answer; what closing an unread body says is not.
	_ = resp.Body.Close()
	return resp.StatusCode, nil
}

// dial opens a TCP connection from here and closes it.
func dial(ctx context.Context, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return &askError{err}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	_ = conn.Close() // it was open: that is the answer
	return nil
}

// askError is a question that cannot be put at all.
type askError struct{ err error }

func (e *askError) Error() string { return e.err.Error() }
func (e *askError) Unwrap() error { return e.err }

// answerOf tells a service that does not answer as it should, which is a no,
// from a deployer that cannot ask, which is unknown.
func answerOf(err error, timeout time.Duration) Sample {
	switch {
	case err == nil:
		return Sample{Answer: Yes, Detail: "connected"}
	case cannotAsk(err), errors.Is(err, context.Canceled):
		return unknown(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return Sample{Answer: No, Detail: fmt.Sprintf(timedOutDetail, timeout)}
	}
	return Sample{Answer: No, Detail: tail(err.Error())}
}

// cannotAsk: names that do not resolve here, no network here, no descriptors
// left, a firewall here, no certificate authorities here.
func cannotAsk(err error) bool {
	var ask *askError
	var dns *net.DNSError
	var roots x509.SystemRootsError
	if errors.As(err, &ask) || errors.As(err, &dns) || errors.As(err, &roots) {
		return true
	}
	for _, e := range []syscall.Errno{
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
