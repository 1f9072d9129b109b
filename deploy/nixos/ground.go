package nixos

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// ground reads what a host stands on, nil when it did not say.
func ground(r *reply, user string) *deploy.Ground {
	if !r.has("mount") {
		return nil
	}
	g := &deploy.Ground{
		Mounts: mounts(r.values["mount"]), Fstab: mounts(r.values["fstab"]),
		StateVersions: r.values["state_version"], Login: login(r, user),
	}
	g.System, _ = systemFile(r.values["running-system"]) // that it is not understood is no help
	return g
}

// demands reads what a system expects of its host.
func demands(r *reply) *deploy.Demands {
	d := &deploy.Demands{Fstab: r.has("wanted-fstab"), Mounts: mounts(r.values["wanted-mount"]), Keys: r.values["wanted_key"], Others: r.values["wanted_login_by"]}
	var err error
	if d.System, err = systemFile(r.values["wanted-system"]); err != nil {
		d.Unread = err.Error()
	}
	return d
}

// mounts reads lines POINT TYPE SOURCE DEVICE UUID and ROOT or OPTIONS; of one
// point the last counts, which is mounted over the others.
func mounts(lines []string) map[string]deploy.Mount {
	all := map[string]deploy.Mount{}
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) != 6 {
			continue
		}
		for i := range f {
			if f[i] = unescape(f[i]); f[i] == "-" {
				f[i] = ""
			}
		}
		m := deploy.Mount{Type: f[1], Source: f[2], Device: f[3], UUID: f[4]}
		if strings.HasPrefix(f[5], "/") {
			m.Root = f[5]
		} else {
			m.Options = f[5]
		}
		all[f[0]] = m
	}
	return all
}

// unescape turns the octal numbers of mountinfo and fstab (blanks, tabs,
// backslashes) into what they stand for.
func unescape(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if n, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

// systemFile reads a system.json, nil for none.
func systemFile(lines []string) (*deploy.SystemFile, error) {
	if len(lines) == 0 {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	var s deploy.SystemFile
	if err := json.Unmarshal([]byte(strings.Join(lines, "\n")), &s); err != nil {
		return nil, fmt.Errorf("its /etc/nixdeploy/system.json cannot be read: %w", err)
	}
	if s.Format != deploy.SystemFileFormat {
		return nil, fmt.Errorf("its /etc/nixdeploy/system.json has format %d, and this nixdeploy reads %d", s.Format, deploy.SystemFileFormat)
	}
	return &s, nil
}

// login reads how somebody may log in.
func login(r *reply, user string) deploy.Login {
	l := deploy.Login{User: user, UID: -1}
	if id, name, ok := strings.Cut(r.first("login"), " "); ok && name == user {
		if n, err := strconv.Atoi(id); err == nil && n >= 0 {
			l.UID = n
		}
	}
	for _, line := range r.values["key"] {
		where, key, _ := strings.Cut(line, " ")
		l.Keys = append(l.Keys, strings.TrimSpace(key))
		l.HomeKeys = l.HomeKeys || where == "home"
	}
	for _, other := range r.values["login_by"] {
		if other != "home" && !slices.Contains(l.Others, other) {
			l.Others = append(l.Others, other)
		}
	}
	return l
}
