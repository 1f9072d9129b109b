package nixos

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Probe asks a host what health checks need to know. While Run names an armed
// run, each answer is a sign of life that the guard sees. Not safe for
// concurrent use.
type Probe struct {
	Conn deploy.Conn
	Run  string // "" when nothing is armed
}

func (p *Probe) do(ctx context.Context, kind string, timeout time.Duration, args ...string) (*reply, error) {
	run := p.Run
	if run == "" {
		run = "-"
	}
	seconds := strconv.Itoa(max(1, int(timeout/time.Second)))
	return do(ctx, p.Conn, call{script: "probe", args: append([]string{run, kind, seconds}, args...)})
}

// Contact is a bare sign of life. It returns who has claimed the run meanwhile,
// and gone when the host has resolved it.
func (p *Probe) Contact(ctx context.Context) (links deploy.Links, claim deploy.Claim, gone bool, err error) {
	r, err := p.do(ctx, "contact", time.Second)
	if err != nil {
		return deploy.Links{}, "", false, err
	}
	return parseLinks(r.first("links")), claimOf(r), r.first("claim") == "gone", nil
}

// FailedUnits names the units that are failed, or between two automatic
// restarts after a failure.
func (p *Probe) FailedUnits(ctx context.Context) ([]string, error) {
	r, err := p.do(ctx, "failed", time.Second)
	if err != nil {
		return nil, err
	}
	return r.values["failed"], nil
}

// UnitStates gives systemd's ActiveState by unit.
func (p *Probe) UnitStates(ctx context.Context, units []string) (map[string]string, error) {
	r, err := p.do(ctx, "states", time.Second, units...)
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, v := range r.values["state"] {
		state, unit, _ := strings.Cut(v, " ")
		states[unit] = state
	}
	return states, nil
}

// RunCheck runs a command as root on the host, without a shell: its exit code
// (124 when timeout has passed), and the first 4 KiB of what it printed.
func (p *Probe) RunCheck(ctx context.Context, argv []string, timeout time.Duration) (int, string, error) {
	r, err := p.do(ctx, "command", timeout, argv...)
	if err != nil {
		return 0, "", err
	}
	return int(r.number("code")), strings.Join(r.values["output"], "\n"), nil
}

// Fetch requests url from the host itself, by its curl, following nothing.
func (p *Probe) Fetch(ctx context.Context, url string, timeout time.Duration) (int, error) {
	r, err := p.do(ctx, "fetch", timeout, url)
	if err != nil {
		return 0, err
	}
	switch code := r.number("code"); code {
	case 0:
		return int(r.number("status")), nil
	case 127:
		return 0, &deploy.Problem{Code: deploy.CodeUnsupported, What: "curl is not on the host, and from = \"host\" needs it"}
	default:
		return 0, fmt.Errorf("curl on the host ended with exit code %d", code)
	}
}

// Connect opens a TCP connection from the host itself to address ("HOST:PORT").
func (p *Probe) Connect(ctx context.Context, address string, timeout time.Duration) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	r, err := p.do(ctx, "connect", timeout, host, port)
	if err != nil {
		return err
	}
	switch code := r.number("code"); code {
	case 0:
		return nil
	case 127:
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: "bash is not on the host, and from = \"host\" needs it"}
	default:
		return fmt.Errorf("no connection to %s from the host (exit code %d)", address, code)
	}
}
