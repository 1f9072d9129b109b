package simfleet_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// shore is a fleet, its access files and a dialer.
type shore struct {
	*simfleet.Fleet
	dialer *remote.Dialer
	key    string
}

// verifyLeaks fails when a goroutine of this test outlives its clean-ups.
func verifyLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func newShore(t *testing.T, o simfleet.FleetOptions) *shore {
	t.Helper()
	verifyLeaks(t)
	fleet, err := simfleet.NewFleet(o)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, err := fleet.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	s := &shore{Fleet: fleet, key: filepath.Join(dir, "key")}
	known := filepath.Join(dir, "known_hosts")
	for path, data := range map[string][]byte{s.key: key, known: []byte(fleet.KnownHosts())} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.dialer, err = remote.NewDialer(remote.Options{KnownHostsFiles: []string{known}, AgentSocket: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.dialer.Close(); err != nil {
			t.Error(err)
		}
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *shore) entry(name, user, elevate string) inventory.Host {
	address, port := s.Host(name).Endpoint()
	n, _ := strconv.Atoi(port)
	return inventory.Host{Name: name, Address: address, Port: n, User: user, Elevate: elevate, IdentityFiles: []string{s.key}}
}

func (s *shore) dial(t *testing.T, h inventory.Host) deploy.Conn {
	t.Helper()
	conn, err := s.dialer.Dial(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// The whole way: real SSH, known_hosts, client key, framed script.
func TestAFleetBehindSSH(t *testing.T) {
	s := newShore(t, simfleet.FleetOptions{Hosts: []simfleet.HostOptions{{Hostname: "a"}, {Hostname: "b", Generation: 9}}})
	for _, name := range s.Names() {
		for _, elevate := range []string{"none", "sudo", "doas"} {
			user := map[string]string{"none": "root", "sudo": "deploy", "doas": "deploy"}[elevate]
			o, err := nixos.Inspect(t.Context(), s.dial(t, s.entry(name, user, elevate)), "")
			if err != nil || o.Hostname != name || o.GuardReboot != "yes" {
				t.Errorf("%s by %s: %+v, %v", name, elevate, o, err)
			}
		}
		if n := s.Host(name).Connections(); n != 3 {
			t.Errorf("%s counted %d connections", name, n)
		}
	}
	if a, b := s.Host("a").HostKeyLine(), s.Host("b").HostKeyLine(); a == b {
		t.Error("two hosts have one key")
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	users := []simfleet.User{{Name: "root", Root: true}, {Name: "plain"}}
	s := newShore(t, simfleet.FleetOptions{Hosts: []simfleet.HostOptions{{Hostname: "a", Traits: &simfleet.Traits{Users: users}}}})
	if _, err := nixos.Inspect(t.Context(), s.dial(t, s.entry("a", "plain", "sudo")), ""); codeOf(err) != deploy.CodeElevate {
		t.Errorf("plain became root: %v", err)
	}
	plain := s.dial(t, s.entry("a", "plain", "none"))
	if o, err := nixos.Inspect(t.Context(), plain, ""); err != nil || o.GuardReboot == "yes" {
		t.Errorf("plain inspects, and no guard would be there: %+v, %v", o, err)
	}
	m := nixos.Machine{Conn: plain, Run: "RUN1", Operator: "ann@desk"}
	if err := m.Unlock(t.Context()); err == nil {
		t.Error("plain unlocked the host")
	}
	if _, err := s.dialer.Dial(t.Context(), s.entry("a", "nobody", "none")); codeOf(err) != deploy.CodeAuth {
		t.Errorf("nobody logged in: %v", err)
	}
}

// A release that breaks the network: the guard brings the host back without
// anybody being able to ask it to.
func TestABrokenNetworkComesBackByItself(t *testing.T) {
	for name, silent := range map[string]bool{"refused": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			o := wordHost(simfleet.System{BreaksNetwork: true})
			o.Hostname = "web-1"
			s := newShore(t, simfleet.FleetOptions{Hosts: []simfleet.HostOptions{o}, Silent: silent})
			host := s.Host("web-1")
			h := s.entry("web-1", "root", "none")
			r := &rig{t: t, host: host.Host, Machine: &nixos.Machine{Conn: s.dial(t, h), Run: "RUN1", Operator: "ann@desk"}}
			before := r.sees().Links
			f := flakeOf("x")
			r.upload(f)
			q := r.armRequest(f, "switch", r.build(f, time.Hour).Toplevel)
			q.ConfirmTimeout = time.Second
			if _, err := r.Arm(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := r.Start(ctx); codeOf(err) != deploy.CodeUnreachable {
				t.Errorf("the answer came over a broken network: %v", err)
			}
			r.Conn = s.again(t, h)
			r.is(before)
		})
	}
}

// again dials until the host is there.
func (s *shore) again(t *testing.T, h inventory.Host) deploy.Conn {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		conn, err := s.dialer.Dial(ctx, h)
		cancel()
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
	}
}

func TestAPowerCutEndsConnections(t *testing.T) {
	s := newShore(t, simfleet.FleetOptions{OwnListeners: true, Hosts: []simfleet.HostOptions{{Hostname: "a", Traits: &simfleet.Traits{BootTime: 50 * time.Millisecond}}}})
	h := s.entry("a", "root", "none")
	conn := s.dial(t, h)
	first, err := nixos.Inspect(t.Context(), conn, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Host("a").PowerCut()
	if _, err := nixos.Inspect(t.Context(), conn, ""); codeOf(err) != deploy.CodeUnreachable {
		t.Errorf("a connection outlived the power: %v", err)
	}
	second, err := nixos.Inspect(t.Context(), s.again(t, h), "")
	if err != nil || second.BootID == first.BootID {
		t.Errorf("after the boot: %+v, %v", second, err)
	}
}

func TestNamesMustDiffer(t *testing.T) {
	for _, hosts := range [][]simfleet.HostOptions{{{Hostname: "a"}, {Hostname: "a"}}, {{}}} {
		if f, err := simfleet.NewFleet(simfleet.FleetOptions{Hosts: hosts}); err == nil {
			t.Errorf("a fleet of %v", f.Names())
		}
	}
}

// What HostsTOML renders is what the product reads.
func TestHostsTOMLIsRead(t *testing.T) {
	s := newShore(t, simfleet.FleetOptions{Hosts: []simfleet.HostOptions{{Hostname: "a"}, {Hostname: "b"}}})
	text := "[fleet]\nname = \"f\"\n[flake]\nsource = \"./x\"\n[stages]\norder = [\"dev\"]\n" +
		s.HostsTOML(func(string) simfleet.Entry {
			return simfleet.Entry{Stage: "dev", Target: "container", Extra: "tags = [\"t\"]\n"}
		})
	inv, err := inventory.Parse("hosts.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range inv.Hosts {
		address, port := s.Host(h.Name).Endpoint()
		if h.Address != address || strconv.Itoa(h.Port) != port || h.HostKey != s.Host(h.Name).HostKeyLine() || !slices.Equal(h.Tags, []string{"t"}) {
			t.Errorf("%+v", h)
		}
	}
}

// Thousands of hosts must be cheap: the benchmarks are made of them.
func TestAHostAtRestIsSmall(t *testing.T) {
	const n = 2000
	hosts := make([]simfleet.HostOptions, n)
	for i := range hosts {
		hosts[i] = simfleet.HostOptions{Hostname: "host-" + strconv.Itoa(i), Marker: &deploy.Marker{Fleet: "f", Host: "h"}}
	}
	before := heap()
	goroutines := runtime.NumGoroutine()
	fleet, err := simfleet.NewFleet(simfleet.FleetOptions{Hosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	each := (heap() - before) / n
	if each > 6<<10 {
		t.Errorf("a host at rest takes %d bytes", each)
	}
	if extra := runtime.NumGoroutine() - goroutines; extra > 10 && fleet.Host("host-0").Server.Addr() != "" && strings.HasPrefix(fleet.Host("host-1").Server.Addr(), "127.1.") {
		t.Errorf("%d goroutines for hosts at rest", extra)
	}
	t.Logf("%d bytes a host", each)
	if err := fleet.Close(); err != nil {
		t.Error(err)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkInspect is the model's own share of an inspection.
func BenchmarkInspect(b *testing.B) {
	h := simfleet.NewHost(simfleet.HostOptions{Hostname: "a"})
	defer h.Close()
	program := "printf '%s\\n' 'nd-begin W'\nset -- 'N' '-'\n" + nixos.Script("inspect")
	stdin := strconv.Itoa(len(program)) + "\n" + program
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if exit := h.Exec(b.Context(), simfleet.Request{Command: "sh", User: "root", Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out}); exit != 0 {
			b.Fatal(out.String())
		}
	}
}

// Uploads of one flake are kept once for a whole fleet.
func TestEqualFlakesAreKeptOnce(t *testing.T) {
	var shared simfleet.Uploads
	files := []flake.File{{Path: "big", Data: bytes.Repeat([]byte("x"), 4<<20)}}
	f := &flake.Flake{Hash: flake.HashFiles(files), Files: files}
	var tar bytes.Buffer
	if err := f.Pack(&tar); err != nil {
		t.Fatal(err)
	}
	var hosts []*simfleet.Host
	before := heap()
	for i := range 10 {
		h := simfleet.NewHost(simfleet.HostOptions{Hostname: strconv.Itoa(i), Uploads: &shared})
		defer h.Close()
		conn, err := h.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m := nixos.Machine{Conn: conn, Run: "RUN1", Operator: "ann@desk"}
		if err := m.Upload(t.Context(), f.Digest(), f.Hash, bytes.NewReader(tar.Bytes())); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("%d hosts keep %d bytes of a flake of 4 MiB", len(hosts), grown)
	}
	runtime.KeepAlive(hosts)
}
