package simfleet

import (
	"slices"

	"golang.org/x/crypto/ssh"
)

// recordLimit bounds each list of a Record: a benchmark's server lives long.
const recordLimit = 1000

// Record is what a server saw, for assertions.
type Record struct {
	Connections int       // accepted
	Auth        []AuthTry // each authentication request, in order
	Channels    []string  // types of the channels asked for
	Requests    []string  // types of the requests inside sessions
	Globals     []string  // types of the global requests
	Commands    []string  // exec strings
}

// AuthTry is one authentication request.
type AuthTry struct {
	User        string
	Method      string
	Fingerprint string // of the key, for publickey
	Accepted    bool   // the key may log in as User
}

// Record returns what was seen so far.
func (s *Server) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record
	r.Auth = slices.Clone(r.Auth)
	r.Channels = slices.Clone(r.Channels)
	r.Requests = slices.Clone(r.Requests)
	r.Globals = slices.Clone(r.Globals)
	r.Commands = slices.Clone(r.Commands)
	return r
}

func (s *Server) note(f func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.record)
}

func (r *Record) add(list *[]string, item string) {
	if len(*list) < recordLimit {
		*list = append(*list, item)
	}
}

func (r *Record) addAuth(user, method string, key ssh.PublicKey, ok bool) {
	if len(r.Auth) >= recordLimit {
		return
	}
	try := AuthTry{User: user, Method: method, Accepted: ok}
	if key != nil {
		try.Fingerprint = ssh.FingerprintSHA256(key)
	}
	r.Auth = append(r.Auth, try)
}
