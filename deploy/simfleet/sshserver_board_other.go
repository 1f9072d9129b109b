//go:build !linux

package simfleet

import "net"

func listenOnLoopback() (net.Listener, error) { return nil, errBoard }
