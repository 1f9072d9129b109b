// Floor is what no client of many SSH servers can be much faster than: it
// connects to each, authenticates, executes one command, and closes. Nothing is
// parsed, decided, written down or shown. The benchmark measures nixdeploy
// against it.
//
// Usage: floor -p 64 -key FILE -known-hosts FILE ADDRESS:PORT... (or on stdin)
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"            //nolint:depguard // a loop without anything of deploy/remote around it is the point
	"golang.org/x/crypto/ssh/knownhosts" //nolint:depguard // the same
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stderr)) }

func run(ctx context.Context, args []string, in io.Reader, errOut io.Writer) int {
	f := flag.NewFlagSet("floor", flag.ContinueOnError)
	f.SetOutput(errOut)
	parallel := f.Int("p", 64, "connections at once")
	key := f.String("key", "", "private key `FILE`")
	known := f.String("known-hosts", "", "known hosts `FILE`")
	user := f.String("user", "root", "who logs in")
	kex := f.String("kex", ssh.KeyExchangeMLKEM768X25519, "key exchange")
	if err := f.Parse(args); err != nil {
		return 2
	}
	config, err := clientConfig(*user, *key, *known, *kex)
	if err == nil {
		err = each(in, *parallel, func(address string) error { return once(ctx, address, config) })
	}
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "floor: %v\n", err)
		return 1
	}
	return 0
}

func clientConfig(user, keyFile, knownFile, kex string) (*ssh.ClientConfig, error) {
	data, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.New(knownFile)
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: []string{kex}, Ciphers: []string{ssh.CipherAES128GCM}},
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		Timeout:           30 * time.Second,
	}, nil
}

// each does something for each line of in, so many at once.
func each(in io.Reader, parallel int, do func(line string) error) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		errs  []error
		lines = make(chan string)
	)
	for range parallel {
		wg.Go(func() {
			for line := range lines {
				if err := do(line); err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("%s: %w", line, err))
					mu.Unlock()
				}
			}
		})
	}
	scan := bufio.NewScanner(in)
	for scan.Scan() {
		lines <- scan.Text()
	}
	close(lines)
	wg.Wait()
	return errors.Join(append(errs, scan.Err())...)
}

// once connects, executes and closes. Any exit code is an answer.
func once(ctx context.Context, address string, config *ssh.ClientConfig) error {
	nc, err := (&net.Dialer{Timeout: config.Timeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if err := nc.SetDeadline(time.Now().Add(config.Timeout)); err != nil {
		return errors.Join(err, nc.Close())
	}
	conn, channels, requests, err := ssh.NewClientConn(nc, address, config)
	if err != nil {
		return errors.Join(err, nc.Close())
	}
	client := ssh.NewClient(conn, channels, requests)
	session, err := client.NewSession()
	if err != nil {
		return errors.Join(err, client.Close())
	}
	err = session.Run("true")
	if exit := (*ssh.ExitError)(nil); errors.As(err, &exit) {
		err = nil
	}
	return errors.Join(err, client.Close())
}
