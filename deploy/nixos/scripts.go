// Package nixos holds what is run on a NixOS machine and how its answers are
// read: the remote scripts are files under scripts/, embedded, and every
// function here is one round trip over a deploy.Conn.
//
// It decides nothing (deploy/host does) and knows nothing of SSH. Nothing is
// ever formatted into a script: data goes as arguments or as payload.
package nixos

import (
	"embed"
	"regexp"
	"strings"
	"sync"
)

//go:embed scripts/*.sh
var files embed.FS

// library goes into every script, parts into those named.
const library = "lib.sh"

func parts(name string) []string {
	switch name {
	case "guard":
		return []string{library, "foreign.sh", "return.sh", "unit.sh"}
	case "inspect", "difference":
		return []string{library, "foreign.sh"}
	case "build":
		return []string{library, "ground.sh", "lease.sh"}
	case "facts":
		return []string{library, "ground.sh"}
	case "upload":
		return []string{library, "lease.sh"}
	}
	return []string{library}
}

// Script gives the text of a remote script as it is sent: its first two lines,
// by which it is known, then the library, then its own body. It panics for a
// name that is not embedded, which no input can cause.
func Script(name string) string {
	if text, known := texts()[name]; known {
		return text
	}
	return assemble(name)
}

// texts holds what can be sent, made once.
var texts = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, name := range Names() {
		all[name] = assemble(name)
	}
	return all
})

func assemble(name string) string {
	head, body := split(read(name + ".sh"))
	var text strings.Builder
	text.WriteString(head)
	for _, part := range parts(name) {
		text.WriteString(read(part))
	}
	text.WriteString(body)
	return text.String()
}

// Names lists the scripts that can be sent.
func Names() []string {
	return []string{"inspect", "upload", "build", "guard", "probe", "lock", "kept", "difference", "approve", "option", "facts"}
}

func read(name string) string {
	data, err := files.ReadFile("scripts/" + name)
	if err != nil {
		panic("nixos: " + err.Error())
	}
	return modelTag.ReplaceAllString(string(data), "")
}

// modelTag names the transition of docs/model that a line stands for. It is for
// readers, and is not sent.
var modelTag = regexp.MustCompile(`(?m)[ \t]*# model: [a-z-]+$`)

func split(text string) (head, body string) {
	first := strings.IndexByte(text, '\n') + 1
	second := first + strings.IndexByte(text[first:], '\n') + 1
	return text[:second], text[second:]
}
