package remote

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The command strings that are executed on a host, one per elevation. They are
// constant: nothing is ever formatted into them, and what they quote holds no
// single quote, no "!", no backslash and no newline, so that sh, bash, dash, zsh,
// fish, tcsh, nushell and xonsh as login shells all read them alike.
//
// The program comes on standard input: its length in decimal and a newline, the
// program, then the payload. "read" takes no byte beyond the newline and "head
// -c" none beyond the length, so that the script finds its payload untouched.
const (
	setPath = `PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; `
	runIt   = `'` + setPath + `IFS= read -r n && s=$(head -c "$n") && eval "$s"'`

	execPlain = `/bin/sh -c ` + runIt
	// sudo gives its command a PATH of its own, so that sets one, too.
	execSudo = `/bin/sh -c '` + setPath + `exec sudo -n /bin/sh -c "$1"' /bin/sh ` + runIt
	execDoas = `/bin/sh -c '` + setPath + `exec doas -n /bin/sh -c "$1"' /bin/sh ` + runIt
)

// The values of inventory.Host.Elevate.
const (
	elevateNone = "none"
	elevateSudo = "sudo"
	elevateDoas = "doas"
)

// execString picks the command string.
func execString(elevate string) (string, error) {
	switch elevate {
	case elevateNone, "":
		return execPlain, nil
	case elevateSudo:
		return execSudo, nil
	case elevateDoas:
		return execDoas, nil
	}
	return "", fmt.Errorf("elevation %q is not known: none, sudo or doas", elevate)
}

// beginMark precedes the nonce on the first line that a program prints: what
// comes before it is a login shell's noise.
const beginMark = "nd-begin "

// newNonce makes the word that no host can guess before it has the program.
func newNonce() string { return rand.Text() }

// frame is a program with its length in front: all of standard input that comes
// before the payload.
func frame(nonce string, c deploy.Command) (string, error) {
	if strings.Contains(c.Script, "\x00") {
		return "", errors.New("the script holds a NUL byte")
	}
	var b strings.Builder
	b.WriteString("printf '%s\\n' ")
	b.WriteString(quote(beginMark + nonce))
	b.WriteString("\nset --")
	for i, arg := range c.Args {
		if strings.Contains(arg, "\x00") {
			return "", fmt.Errorf("argument %d holds a NUL byte", i+1)
		}
		b.WriteByte(' ')
		b.WriteString(quote(arg))
	}
	b.WriteByte('\n')
	b.WriteString(c.Script)
	return fmt.Sprintf("%d\n%s", b.Len(), b.String()), nil
}

// quote makes one word of s for a POSIX shell, whatever its bytes (NUL apart).
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
