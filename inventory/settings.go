package inventory

import "time"

// opt is a setting that may be absent; line is where it stands, 0 if nowhere.
type opt[T any] struct {
	v    T
	line int
}

func (o opt[T]) set() bool { return o.line > 0 }

// layer is what one table says about hosts: [ssh], a stage, a target or the
// host itself. A value with a problem counts as set, so that it is not
// reported as missing too.
type layer struct {
	from string // as in Origin.From

	address, target, stage, hostKey   opt[string] // of a host only
	user, bootstrapUser, elevate      opt[string]
	port                              opt[int]
	identityFiles, jump               opt[[]string]
	packageProfile, system, attribute opt[string]
	modules, tags                     opt[[]string]
	users, extraPackages              opt[[]string]
	home                              opt[map[string]bool]
	timeZone, locale                  opt[string]
	tcpPorts, udpPorts                opt[[]int]
	checks                            opt[[]Check]
	activation                        opt[string]
	activationTimeout, confirmTimeout opt[time.Duration]
	buildTimeout                      opt[time.Duration]
	acceptGuardLoss                   opt[bool]
	returnReboot                      opt[string]
}

// optional reads k with read.
func optional[T any](r *reader, k *node, read func(*node) (T, bool)) opt[T] {
	v, _ := read(k)
	return opt[T]{v: v, line: r.line(k)}
}

// setting reads one key that several kinds of table may have into l.
func (r *reader) setting(l *layer, k *node) {
	switch k.key {
	case "user":
		l.user = optional(r, k, r.name)
	case "bootstrap_user":
		l.bootstrapUser = optional(r, k, r.name)
	case "elevate":
		l.elevate = optional(r, k, func(n *node) (string, bool) { return r.choice(n, "none", "sudo", "doas") })
	case "port":
		l.port = optional(r, k, r.port)
	case "identity_files":
		l.identityFiles = optional(r, k, func(n *node) ([]string, bool) { return list(r, n, "files", r.text) })
	case "jump":
		l.jump = optional(r, k, r.jumps)
	case "checks":
		l.checks = optional(r, k, r.checkRefs)
	case "activation":
		l.activation = optional(r, k, r.activation)
	case "activation_timeout":
		l.activationTimeout = optional(r, k, r.seconds)
	case "confirm_timeout":
		l.confirmTimeout = optional(r, k, r.seconds)
	case "build_timeout":
		l.buildTimeout = optional(r, k, r.seconds)
	case "accept_guard_loss":
		l.acceptGuardLoss = optional(r, k, r.boolean)
	case "return_reboot":
		l.returnReboot = optional(r, k, func(n *node) (string, bool) {
			return r.choice(n, string(RebootAuto), string(RebootAllow), string(RebootNever))
		})
	case "package_profile":
		l.packageProfile = optional(r, k, func(n *node) (string, bool) {
			return r.choice(n, "minimal", "essential", "development", "full")
		})
	case "system":
		l.system = optional(r, k, r.system)
	case "attribute":
		l.attribute = optional(r, k, r.attribute)
	case "modules":
		l.modules = optional(r, k, func(n *node) ([]string, bool) { return list(r, n, "files", r.module) })
	case "tags":
		l.tags = optional(r, k, func(n *node) ([]string, bool) { return list(r, n, "tags", r.name) })
	case "users":
		l.users = optional(r, k, func(n *node) ([]string, bool) { return list(r, n, "users", r.userRef) })
	case "home":
		l.home = optional(r, k, r.home)
	case "time_zone":
		l.timeZone = optional(r, k, r.timeZone)
	case "locale":
		l.locale = optional(r, k, r.locale)
	case "extra_packages":
		l.extraPackages = optional(r, k, func(n *node) ([]string, bool) { return list(r, n, "packages", r.packagePath) })
	case "tcp_ports":
		l.tcpPorts = optional(r, k, func(n *node) ([]int, bool) { return list(r, n, "ports", r.port) })
	case "udp_ports":
		l.udpPorts = optional(r, k, func(n *node) ([]int, bool) { return list(r, n, "ports", r.port) })
	}
}

func (r *reader) activation(n *node) (string, bool) {
	if n.kind == kindString && n.text == "boot" {
		r.bad(n, `"boot" comes later; "test-first" changes the next boot only once the host is healthy`, `"boot" is not supported yet`)
		return "", false
	}
	return r.choice(n, string(ActivationSwitch), string(ActivationTestFirst))
}

// system reads a Nix system double that NixOS exists for.
func (r *reader) system(n *node) (string, bool) {
	return r.choice(n, "x86_64-linux", "aarch64-linux", "i686-linux", "armv6l-linux", "armv7l-linux",
		"riscv64-linux", "powerpc64le-linux", "loongarch64-linux")
}
