package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryHostIsConnectedToOnceAndChecked(t *testing.T) {
	fleet, err := simfleet.NewFleet(simfleet.FleetOptions{
		Hosts: []simfleet.HostOptions{{Hostname: "a"}, {Hostname: "b"}, {Hostname: "c"}}, OwnListeners: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fleet.Close() }()
	dir := t.TempDir()
	key, err := fleet.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"key": string(key), "known": fleet.KnownHosts(), "other": strings.ReplaceAll(fleet.KnownHosts(), "[127.0.0.1]", "[127.0.0.2]")}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	addresses := ""
	for _, name := range fleet.Names() {
		addresses += fleet.Host(name).Server.Addr() + "\n"
	}
	loop := func(known string) (int, string) {
		var said bytes.Buffer
		code := run(t.Context(), []string{"-p", "2", "-key", filepath.Join(dir, "key"), "-known-hosts", filepath.Join(dir, known)}, strings.NewReader(addresses), &said)
		return code, said.String()
	}
	if code, said := loop("known"); code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	for _, name := range fleet.Names() {
		if r := fleet.Host(name).Server.Record(); r.Connections != 1 || !slices.Equal(r.Commands, []string{"true"}) {
			t.Errorf("%s: %d connections, commands %q", name, r.Connections, r.Commands)
		}
	}
	// A floor that skips what nixdeploy does would be no measure.
	if code, said := loop("other"); code != 1 || !strings.Contains(said, "knownhosts: key is unknown") {
		t.Errorf("an unknown host key: exit %d\n%s", code, said)
	}
}

func TestEachIsBoundedAndKeepsErrors(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	at, most := 0, 0
	err := each(strings.NewReader("1\n2\n3\n4\n5\n"), 2, func(line string) error {
		mu.Lock()
		at++
		most = max(most, at)
		seen = append(seen, line)
		mu.Unlock()
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			at--
		}()
		if line == "3" {
			return errors.New("no")
		}
		return nil
	})
	slices.Sort(seen)
	if fmt.Sprint(seen) != "[1 2 3 4 5]" || most > 2 {
		t.Errorf("seen %v, %d at once", seen, most)
	}
	if err == nil || err.Error() != "3: no" {
		t.Errorf("error %v", err)
	}
}
