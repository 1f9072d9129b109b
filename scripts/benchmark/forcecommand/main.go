// Forcecommand is what a benchmark's sshd runs for each command, whoever asks.
// The scripts of nixdeploy go to the simulated host that answers at the address
// that was connected to, standard input and output included; any other command
// is run by /bin/sh, as without it. Both contenders pay for it, so it is small:
// no package that has something to initialise.
//
// Usage: forcecommand SOCKET (of simhosts)
package main

import (
	"os"
	"strings"
	"syscall"
)

// The one constant string that nixdeploy executes begins so, and reads a
// program from its standard input.
const (
	wireForm    = "IFS= read -r n"
	cannotStart = 126
)

func main() { os.Exit(run()) }

func run() int {
	command, _ := syscall.Getenv("SSH_ORIGINAL_COMMAND")
	if len(os.Args) != 2 || !strings.Contains(command, wireForm) {
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", command}, os.Environ()) // returns only if it failed
		return cannotStart
	}
	return hand(os.Args[1], command)
}

// hand gives our standard input, output and error away and waits for the
// answer: one byte, the exit code.
func hand(socket, command string) int {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		return cannotStart
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err != nil {
		return cannotStart
	}
	user, _ := syscall.Getenv("USER")
	message := serverAddress() + "\n" + user + "\n" + command
	if err := syscall.Sendmsg(fd, []byte(message), syscall.UnixRights(0, 1, 2), nil, 0); err != nil {
		return cannotStart
	}
	code := []byte{0}
	if n, err := syscall.Read(fd, code); n != 1 || err != nil {
		return cannotStart
	}
	return int(code[0])
}

// serverAddress is the address that the client connected to: the third word of
// SSH_CONNECTION.
func serverAddress() string {
	connection, _ := syscall.Getenv("SSH_CONNECTION")
	if words := strings.Fields(connection); len(words) == 4 {
		return words[2]
	}
	return ""
}
