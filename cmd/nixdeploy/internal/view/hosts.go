package view

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Setting is one resolved setting of a host, under its key in hosts.toml, with
// where it came from.
type Setting struct {
	Key    string           `json:"-"`
	Value  any              `json:"value"`
	Origin inventory.Origin `json:"origin"`
}

// Settings lists a host's settings in the order of the documentation.
func Settings(h inventory.Host) []Setting {
	checks := make([]string, len(h.Checks))
	for i, c := range h.Checks {
		checks[i] = c.Name
	}
	list := []Setting{
		{Key: "stage", Value: h.Stage}, {Key: "target", Value: h.Target}, {Key: "tags", Value: nonNil(h.Tags)},
		{Key: "system", Value: h.System}, {Key: "address", Value: h.Address}, {Key: "port", Value: h.Port},
		{Key: "jump", Value: nonNil(h.Jump)}, {Key: "user", Value: h.User}, {Key: "bootstrap_user", Value: h.BootstrapUser},
		{Key: "elevate", Value: h.Elevate}, {Key: "host_key", Value: h.HostKey},
		{Key: "identity_files", Value: nonNil(h.IdentityFiles)}, {Key: "attribute", Value: h.Attribute},
		{Key: "activation", Value: string(h.Activation)},
		{Key: "activation_timeout", Value: h.ActivationTimeout.String()},
		{Key: "confirm_timeout", Value: h.ConfirmTimeout.String()}, {Key: "build_timeout", Value: h.BuildTimeout.String()},
		{Key: "accept_guard_loss", Value: h.AcceptGuardLoss}, {Key: "return_reboot", Value: h.ReturnReboot}, {Key: "checks", Value: checks},
		{Key: "package_profile", Value: h.PackageProfile}, {Key: "modules", Value: nonNil(h.Modules)},
		{Key: "users", Value: nonNil(h.Users)}, {Key: "home", Value: homeModules(h.Home)},
		{Key: "time_zone", Value: h.TimeZone}, {Key: "locale", Value: h.Locale},
		{Key: "extra_packages", Value: nonNil(h.ExtraPackages)},
		{Key: "tcp_ports", Value: nonNil(h.TCPPorts)}, {Key: "udp_ports", Value: nonNil(h.UDPPorts)},
	}
	for i := range list {
		origin, ok := h.Provenance[list[i].Key]
		if !ok {
			origin = inventory.Origin{From: "default"}
		}
		list[i].Origin = origin
	}
	return list
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// homeModules is a table in JSON and "shell on, tools off" for people.
type homeModules map[string]bool

func (m homeModules) String() string {
	parts := make([]string, 0, len(m))
	for _, module := range slices.Sorted(maps.Keys(m)) {
		state := "off"
		if m[module] {
			state = "on"
		}
		parts = append(parts, module+" "+state)
	}
	return strings.Join(parts, ", ")
}

// MarshalJSON writes {} for none.
func (m homeModules) MarshalJSON() ([]byte, error) {
	if m == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]bool(m))
}

// Hosts writes the table of hosts; detailed adds every setting with its origin.
func (s Style) Hosts(hosts []inventory.Host, detailed bool) string {
	if detailed {
		return s.hostDetails(hosts)
	}
	rows := [][]cell{{text("host"), text("stage"), text("target"), text("address"), text("user"), text("activation"), text("tags")}}
	for _, h := range hosts {
		rows = append(rows, []cell{
			{s.Clean(h.Name), bold}, text(s.Clean(h.Stage)), text(s.Clean(h.Target)), text(s.address(h)), text(s.Clean(h.User)),
			text(s.Clean(string(h.Activation))), text(strings.Join(s.cleanAll(h.Tags), " ")),
		})
	}
	return s.table(rows) + s.hang("", count(len(hosts), "host")+" in "+s.perStage(hosts))
}

func (s Style) address(h inventory.Host) string {
	if h.Port == 0 || h.Port == 22 {
		return s.Clean(h.Address)
	}
	return s.Clean(net.JoinHostPort(h.Address, strconv.Itoa(h.Port)))
}

func (s Style) perStage(hosts []inventory.Host) string {
	var stages []string
	n := map[string]int{}
	for _, h := range hosts {
		if n[h.Stage] == 0 {
			stages = append(stages, h.Stage)
		}
		n[h.Stage]++
	}
	for i, st := range stages {
		stages[i] = fmt.Sprintf("%s (%d)", s.Clean(st), n[st])
	}
	return strings.Join(stages, ", ")
}

func (s Style) hostDetails(hosts []inventory.Host) string {
	blocks := make([]string, len(hosts))
	for i, h := range hosts {
		rows := [][]cell{}
		for _, set := range Settings(h) {
			rows = append(rows, []cell{text("  " + set.Key), text(s.from(set.Origin)), text(s.value(set.Value))})
		}
		blocks[i] = s.paint(bold, s.Clean(h.Name)) + "\n" + s.table(rows)
	}
	return strings.Join(blocks, "\n")
}

func (s Style) from(o inventory.Origin) string {
	if o.Line > 0 {
		return s.Clean(fmt.Sprintf("%s, line %d", o.From, o.Line))
	}
	return s.Clean(o.From)
}

func (s Style) value(v any) string {
	switch v := v.(type) {
	case []string:
		if len(v) == 0 {
			return "-"
		}
		return strings.Join(s.cleanAll(v), " ")
	case []int:
		words := make([]string, len(v))
		for i := range v {
			words[i] = strconv.Itoa(v[i])
		}
		return s.value(words)
	case homeModules:
		return s.value(v.String())
	case string:
		if v == "" {
			return "-"
		}
		return s.Clean(v)
	}
	return s.Clean(fmt.Sprint(v))
}

// JSONHosts is the one document of hosts --json.
func JSONHosts(inv *inventory.Inventory, hosts []inventory.Host) []byte {
	type host struct {
		Name     string             `json:"name"`
		Settings map[string]Setting `json:"settings"`
	}
	list := make([]host, len(hosts))
	for i, h := range hosts {
		list[i] = host{Name: h.Name, Settings: map[string]Setting{}}
		for _, set := range Settings(h) {
			list[i].Settings[set.Key] = set
		}
	}
	stages := make([]string, len(inv.Stages))
	for i, st := range inv.Stages {
		stages[i] = st.Name
	}
	return JSONDocument(map[string]any{
		"type": "hosts", "format": EventsVersion, "fleet": inv.Fleet, "inventory": inv.Path,
		"inventory_hash": inv.Hash, "stages": stages, "hosts": list,
	})
}

// seconds prints a number of seconds as a duration.
func seconds(n int64) string { return took(time.Duration(n) * time.Second) }
