package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one resolved setting of a host, as text for people and --json.
type Setting struct {
	Key    string `json:"key"` // as in hosts.toml
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
}

// settingKeys are the keys of a host's settings, in the order of Resolved.
func settingKeys() []string {
	return []string{
		"address", "port", "user", "bootstrap_user", "elevate", "jump", "identity_files", "host_key",
		"target", "stage", "tags", "system", "attribute", "package_profile", "modules",
		"users", "home", "time_zone", "locale", "extra_packages", "tcp_ports", "udp_ports",
		"activation", "activation_timeout", "confirm_timeout", "build_timeout", "accept_guard_loss", "return_reboot", "checks",
	}
}

// Resolved gives every setting of h with where it came from, always in the
// same order: the settings, then the overrides by priority and path.
func Resolved(h Host) []Setting {
	var out []Setting
	add := func(key, value string) {
		out = append(out, Setting{Key: key, Value: value, Origin: h.Provenance[key]})
	}
	for _, key := range settingKeys() {
		add(key, settingText(h, key))
	}
	for _, prio := range []struct {
		key     string
		options map[string]any
	}{
		{"override.default", h.Override.Default}, {"override", h.Override.Plain}, {"override.force", h.Override.Force},
	} {
		for _, path := range slices.Sorted(maps.Keys(prio.options)) {
			add(prio.key+"."+path, jsonText(prio.options[path]))
		}
	}
	return out
}

func settingText(h Host, key string) string {
	switch key {
	case "address":
		return h.Address
	case "port":
		return strconv.Itoa(h.Port)
	case "user":
		return h.User
	case "bootstrap_user":
		return h.BootstrapUser
	case "elevate":
		return h.Elevate
	case "jump":
		return strings.Join(h.Jump, ", ")
	case "identity_files":
		return strings.Join(h.IdentityFiles, ", ")
	case "host_key":
		return h.HostKey
	case "target":
		return h.Target
	case "stage":
		return h.Stage
	case "tags":
		return strings.Join(h.Tags, ", ")
	case "system":
		return h.System
	case "attribute":
		return h.Attribute
	case "package_profile":
		return h.PackageProfile
	case "modules":
		return strings.Join(h.Modules, ", ")
	case "users":
		return strings.Join(h.Users, ", ")
	case "home":
		return homeText(h.Home)
	case "time_zone":
		return h.TimeZone
	case "locale":
		return h.Locale
	case "extra_packages":
		return strings.Join(h.ExtraPackages, ", ")
	case "tcp_ports":
		return portsText(h.TCPPorts)
	case "udp_ports":
		return portsText(h.UDPPorts)
	case "activation":
		return string(h.Activation)
	case "accept_guard_loss":
		return strconv.FormatBool(h.AcceptGuardLoss)
	case "return_reboot":
		return string(h.ReturnReboot)
	case "checks":
		return strings.Join(checkNames(h.Checks), ", ")
	}
	return shortDuration(map[string]time.Duration{
		"activation_timeout": h.ActivationTimeout,
		"confirm_timeout":    h.ConfirmTimeout,
		"build_timeout":      h.BuildTimeout,
	}[key])
}

func homeText(home map[string]bool) string {
	var parts []string
	for _, module := range slices.Sorted(maps.Keys(home)) {
		parts = append(parts, fmt.Sprintf("%s = %t", module, home[module]))
	}
	return strings.Join(parts, ", ")
}

func portsText(ports []int) string {
	parts := make([]string, len(ports))
	for i, p := range ports {
		parts[i] = strconv.Itoa(p)
	}
	return strings.Join(parts, ", ")
}

func checkNames(checks []Check) []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.Name
	}
	return names
}

// jsonText writes the value of an option. Every value of Override has a JSON
// form, since hosts.toml has no other.
func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
