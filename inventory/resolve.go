package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	defaultPort              = 22
	defaultUser              = "root"
	defaultActivationTimeout = 15 * time.Minute
	defaultConfirmTimeout    = time.Minute
	defaultBuildTimeout      = time.Hour
)

// resolver gives every setting of one host its value, from the first layer
// that has it, and notes which one that was.
type resolver struct {
	layers []*layer // the host's own first
	origin map[string]Origin
}

// pick gives the first value set among the layers, else fallback.
func pick[T any](r *resolver, key string, of func(*layer) *opt[T], fallback T) T {
	for _, l := range r.layers {
		if o := of(l); o.set() {
			r.origin[key] = Origin{From: l.from, Line: o.line}
			return o.v
		}
	}
	r.origin[key] = Origin{From: fromDefault}
	return fallback
}

// fromDefault is the Origin of what no table says.
const fromDefault = "default"

// union adds up a list over the layers (tags, modules, ports): those of the
// widest layer come first. A narrower layer adds to it and cannot take away.
func union[T comparable](r *resolver, key string, of func(*layer) *opt[[]T]) []T {
	var out []T
	r.each(key, func(l *layer) int {
		o := of(l)
		for _, v := range o.v {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
		return o.line
	})
	return out
}

// overlay puts a table of the narrower layers over that of the wider ones, key
// by key.
func overlay(r *resolver, key string, of func(*layer) *opt[map[string]bool]) map[string]bool {
	var out map[string]bool
	r.each(key, func(l *layer) int {
		o := of(l)
		if out == nil && len(o.v) > 0 {
			out = map[string]bool{}
		}
		maps.Copy(out, o.v)
		return o.line
	})
	return out
}

// each hands over the layers, the widest first, and notes as the origin of key
// all those that say something; of a layer's line is 0 when it does not.
func (r *resolver) each(key string, read func(*layer) (line int)) {
	var from []string
	origin := Origin{From: fromDefault}
	for _, l := range slices.Backward(r.layers) {
		if line := read(l); line > 0 {
			from = slices.Insert(from, 0, l.from)
			origin.Line = line // the host's own line, when it has one
		}
	}
	if len(from) > 0 {
		origin.From = strings.Join(from, ", ")
	}
	r.origin[key] = origin
}

// resolve makes a Host of a draft, with the layers behind it in precedence:
// target, stage, [ssh].
func resolve(d *hostDraft, units Check, users []string, behind ...*layer) Host {
	r := &resolver{layers: append([]*layer{&d.layer}, behind...), origin: make(map[string]Origin, len(settingKeys()))}
	h := Host{
		Name:          d.name,
		Address:       pick(r, "address", func(l *layer) *opt[string] { return &l.address }, ""),
		Target:        pick(r, "target", func(l *layer) *opt[string] { return &l.target }, ""),
		Stage:         pick(r, "stage", func(l *layer) *opt[string] { return &l.stage }, ""),
		HostKey:       pick(r, "host_key", func(l *layer) *opt[string] { return &l.hostKey }, ""),
		Port:          pick(r, "port", func(l *layer) *opt[int] { return &l.port }, defaultPort),
		User:          pick(r, "user", func(l *layer) *opt[string] { return &l.user }, defaultUser),
		BootstrapUser: pick(r, "bootstrap_user", func(l *layer) *opt[string] { return &l.bootstrapUser }, ""),
		Jump:          pick(r, "jump", func(l *layer) *opt[[]string] { return &l.jump }, nil),
		IdentityFiles: pick(r, "identity_files", func(l *layer) *opt[[]string] { return &l.identityFiles }, nil),

		System:         pick(r, "system", func(l *layer) *opt[string] { return &l.system }, ""),
		Attribute:      pick(r, "attribute", func(l *layer) *opt[string] { return &l.attribute }, d.name),
		PackageProfile: pick(r, "package_profile", func(l *layer) *opt[string] { return &l.packageProfile }, ""),
		Tags:           union(r, "tags", func(l *layer) *opt[[]string] { return &l.tags }),
		Modules:        union(r, "modules", func(l *layer) *opt[[]string] { return &l.modules }),

		Users:         slices.Clone(pick(r, "users", func(l *layer) *opt[[]string] { return &l.users }, users)),
		Home:          overlay(r, "home", func(l *layer) *opt[map[string]bool] { return &l.home }),
		TimeZone:      pick(r, "time_zone", func(l *layer) *opt[string] { return &l.timeZone }, ""),
		Locale:        pick(r, "locale", func(l *layer) *opt[string] { return &l.locale }, ""),
		ExtraPackages: union(r, "extra_packages", func(l *layer) *opt[[]string] { return &l.extraPackages }),
		TCPPorts:      union(r, "tcp_ports", func(l *layer) *opt[[]int] { return &l.tcpPorts }),
		UDPPorts:      union(r, "udp_ports", func(l *layer) *opt[[]int] { return &l.udpPorts }),

		Activation: Activation(pick(r, "activation", func(l *layer) *opt[string] { return &l.activation }, string(ActivationSwitch))),
		ActivationTimeout: pick(r, "activation_timeout",
			func(l *layer) *opt[time.Duration] { return &l.activationTimeout }, defaultActivationTimeout),
		ConfirmTimeout: pick(r, "confirm_timeout",
			func(l *layer) *opt[time.Duration] { return &l.confirmTimeout }, defaultConfirmTimeout),
		BuildTimeout: pick(r, "build_timeout",
			func(l *layer) *opt[time.Duration] { return &l.buildTimeout }, defaultBuildTimeout),
		AcceptGuardLoss: pick(r, "accept_guard_loss", func(l *layer) *opt[bool] { return &l.acceptGuardLoss }, false),
		ReturnReboot: ReturnReboot(pick(r, "return_reboot",
			func(l *layer) *opt[string] { return &l.returnReboot }, string(RebootAuto))),
		Checks:   pick(r, "checks", func(l *layer) *opt[[]Check] { return &l.checks }, []Check{units}),
		Override: d.override,
	}
	// Root needs no elevation, and anybody else gets nowhere without.
	elevate := "sudo"
	if h.User == defaultUser {
		elevate = "none"
	}
	h.Elevate = pick(r, "elevate", func(l *layer) *opt[string] { return &l.elevate }, elevate)
	slices.Sort(h.Tags)
	// The user that nixdeploy connects as keeps its keys whoever else is there:
	// without them the next deployment could not log in.
	if slices.Contains(users, h.User) && !slices.Contains(h.Users, h.User) {
		h.Users = append(h.Users, h.User)
	}
	slices.Sort(h.Users)
	for key, line := range d.lines {
		r.origin[key] = Origin{From: d.from, Line: line}
	}
	h.Provenance = r.origin
	return h
}
