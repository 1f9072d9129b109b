package flake

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A VNC session listens on its user's socket alone, tells systemd only once the
// server is up, and keeps the cookie out of everybody's sight.
func TestVNCSession(t *testing.T) {
	for _, program := range []string{"bash", "mkfifo"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	dir := t.TempDir()
	stub := func(body string) string { return "#!/bin/sh\n" + body + "\n" }
	layOut(t, dir, map[string]string{
		"bin/Xvnc":           stub(`echo "Xvnc $*" >>"$LOG"; cat "$XDG_RUNTIME_DIR/nixdeploy-xvnc.cookies" >>"$LOG.cookies"; echo 1000 >&3; exec 3>&-; exec sleep 60`),
		"bin/xauth":          stub(`echo "xauth $*" >>"$LOG"; cat >"$3"`),
		"bin/mcookie":        stub(`echo c00c1e`),
		"bin/systemd-notify": stub(`echo "notify $*" >>"$LOG"`),
		"bin/vncconfig":      stub(`exit 0`),
		"bin/session":        stub(`echo "session on $DISPLAY with $XAUTHORITY" >>"$LOG"`),
		"run/.keep":          "", "etc/password": "x",
	})
	run := func(env ...string) (log, cookies string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "log")
		cmd := exec.CommandContext(t.Context(), "sh", filepath.Join("tree", "scripts", "xvnc-session.sh"))
		cmd.Env = append([]string{
			"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "LOG=" + path,
			"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "NIXDEPLOY_SESSION=" + filepath.Join(dir, "bin", "session"),
		}, env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(path + ".cookies")
		if err != nil {
			t.Fatal(err)
		}
		return string(text), string(kept)
	}

	log, cookies := run()
	order := -1
	for _, want := range []string{"xauth ", "Xvnc :", "notify --ready", "session on :"} {
		at := strings.Index(log, want)
		if at <= order {
			t.Errorf("%q is missing or too early in:\n%s", want, log)
		}
		order = at
	}
	for _, want := range []string{"-rfbport -1", "-rfbunixpath " + filepath.Join(dir, "run", "nixdeploy-xvnc.sock"), "-nolisten tcp", "-SecurityTypes None"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in:\n%s", want, log)
		}
	}
	if strings.Contains(log, "c00c1e") || !strings.Contains(cookies, "c00c1e") {
		t.Errorf("the cookie belongs into its file, not into arguments:\n%s\n%s", log, cookies)
	}
	password := filepath.Join(dir, "etc", "password")
	file := "NIXDEPLOY_VNC_PASSWORD_FILE=" + password
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if log, _ = run(file, "NIXDEPLOY_VNC_USER="+me.Username); !strings.Contains(log, "-SecurityTypes VncAuth -PasswordFile "+password) {
		t.Errorf("with a password:\n%s", log)
	}
	if log, _ = run(file, "NIXDEPLOY_VNC_USER=somebody-else"); !strings.Contains(log, "-SecurityTypes None") || strings.Contains(log, password) {
		t.Errorf("with the password of somebody else:\n%s", log)
	}
}

// A second connection, after the session has ended, starts another session: the
// proxy goes with the server that it speaks to, and the socket is there again.
func TestVNCStartsASessionAgain(t *testing.T) {
	files := map[string]string{}
	dir := layTree(t, "26.05", object{"hosts": object{"web": withDisks(files, targetHost("hetzner", nil))}}, files)
	var got map[string][]string
	readTree(t, dir, "nixosConfigurations.web.config.systemd.user", `u: { inherit (u.services.nixdeploy-vnc) bindsTo after wantedBy; sockets = builtins.attrNames u.sockets; }`, &got)
	want := []string{"nixdeploy-xvnc.service"}
	if !slices.Equal(got["bindsTo"], want) || !slices.Equal(got["after"], want) || len(got["wantedBy"]) > 0 || !slices.Contains(got["sockets"], "nixdeploy-vnc") {
		t.Errorf("%v", got)
	}
}
