package nixos

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// reply is the framed answer of one script: values by key, in order. Lines of
// the host's own tools are not in it.
type reply struct {
	values map[string][]string
	ended  bool
	errs   []string
	exit   int
}

func (r *reply) first(key string) string {
	if v := r.values[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (r *reply) last(key string) string {
	if v := r.values[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (r *reply) has(key string) bool { return len(r.values[key]) > 0 }

// number reads the first value of key as an integer, 0 when it is not one.
func (r *reply) number(key string) int64 {
	n, _ := strconv.ParseInt(r.first(key), 10, 64)
	return n
}

const (
	maxValues = 20000 // lines of one answer that are kept
	maxErrors = 50    // lines of standard error that are kept
)

// parser splits what a script prints into answer and noise.
type parser struct {
	nonce string
	reply reply
	kept  int
	noise func(line string)
	on    func(key, value string) // sees each answer as it comes; may be nil
}

func (p *parser) line(line string) {
	rest, framed := strings.CutPrefix(line, p.nonce+" ")
	if !framed {
		if p.noise != nil {
			p.noise(line)
		}
		return
	}
	key, value, _ := strings.Cut(rest, " ")
	if key == "end" {
		p.reply.ended = true
		return
	}
	if p.kept++; p.kept > maxValues {
		return
	}
	p.reply.values[key] = append(p.reply.values[key], value)
	if p.on != nil {
		p.on(key, value)
	}
}

func newParser(nonce string, noise func(string)) *parser {
	return &parser{nonce: nonce, noise: noise, reply: reply{values: map[string][]string{}}}
}

// call is one round trip: script name, its arguments after the nonce, payload.
type call struct {
	script string
	args   []string
	stdin  io.Reader
	noise  func(line string)
	on     func(key, value string)
}

// do runs a call. The error is the connection's, or a protocol problem when the
// answer is not complete; an answer that refuses is no error here.
func do(ctx context.Context, conn deploy.Conn, c call) (*reply, error) {
	p := newParser(rand.Text(), c.noise)
	p.on = c.on
	var errs []string
	exit, err := conn.Run(ctx, deploy.Command{
		Name:   c.script,
		Script: Script(c.script),
		Args:   append([]string{p.nonce}, c.args...),
		Stdin:  c.stdin,
	}, p.line, func(line string) {
		if len(errs) < maxErrors {
			errs = append(errs, line)
		}
	})
	if err != nil {
		return nil, err
	}
	r := &p.reply
	r.exit, r.errs = exit, errs
	if !r.ended {
		return nil, &deploy.Problem{
			Code: deploy.CodeProtocol,
			What: fmt.Sprintf("script %s ended early on the host with exit code %d", c.script, exit),
			// What it complained of is the evidence.
			Details: append(append([]string{}, r.values["fault"]...), errs...),
		}
	}
	return r, r.refusal()
}

// refusal turns the answers by which a script declines into problems.
func (r *reply) refusal() error {
	if f := r.first("fault"); f != "" {
		return &deploy.Problem{Code: deploy.CodeProtocol, What: f, Details: r.values["fault"][1:]}
	}
	if !r.has("locked") {
		return nil
	}
	f := strings.Fields(r.first("locked"))
	if len(f) != 5 {
		return &deploy.Problem{Code: deploy.CodeLocked, What: "locked by another run"}
	}
	since, _ := strconv.ParseInt(f[2], 10, 64)
	left, _ := strconv.ParseInt(f[3], 10, 64)
	return deploy.Locked(f[0], f[1], since, left, f[4] == "guard")
}

func parseLinks(value string) deploy.Links {
	f := strings.Fields(value)
	if len(f) != 6 {
		return deploy.Links{}
	}
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	return deploy.Links{ProfileLink: f[0], Profile: f[1], Running: f[2], Booted: f[3], NextBoot: f[4], Reader: f[5]}
}
