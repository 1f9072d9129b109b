package inventory

import "strings"

// Plans is [plans]: what is asked of saved plans.
type Plans struct {
	// AllowedSigners is a file of OpenSSH's allowed_signers, as written: relative
	// to hosts.toml's folder, or absolute; "" for none.
	AllowedSigners string
	// RequireSignature lets nothing be applied but a plan that one of them signed.
	RequireSignature bool
	// Provenance maps a key of the table to where it was written.
	Provenance map[string]Origin
}

func (r *reader) readPlans(t *node) Plans {
	p := Plans{Provenance: map[string]Origin{}}
	r.each(t, scopePlans, func(k *node) {
		p.Provenance[k.key] = Origin{From: "plans", Line: r.line(k)}
		switch k.key {
		case "allowed_signers":
			assign(&p.AllowedSigners, k, r.signersFile)
		case "require_signature":
			assign(&p.RequireSignature, k, r.boolean)
		}
	})
	if p.RequireSignature && t.child("allowed_signers") == nil {
		r.missing(t.child("require_signature").keyOff, `allowed_signers = "allowed_signers", a file with a line "NAME KEY" for each person`,
			"require_signature needs allowed_signers: without it nobody could sign")
	}
	return p
}

// signersFile reads the path of an allowed_signers file.
func (r *reader) signersFile(n *node) (string, bool) {
	s, ok := r.text(n)
	switch {
	case !ok:
		return "", false
	case strings.HasPrefix(s, "~"):
		r.bad(n, "write the whole path, or one relative to hosts.toml", "%q begins with ~, which only a shell knows", s)
		return "", false
	case strings.HasPrefix(s, "-"):
		r.bad(n, "write ./"+s, "%q begins with -, which a command takes for a flag", s)
		return "", false
	}
	return s, true
}
