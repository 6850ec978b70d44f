package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// runServers starts servers that have each other in their tables, prints their
// addresses as one JSON line and ends with stdin.
func runServers(count int, prefix string) error {
	ctx := context.Background()
	hosts := make([]host.Host, 0, count)
	for range count {
		h, err := newHost("all")
		if err != nil {
			return err
		}
		defer h.Close()
		server, err := dht.New(h, dht.Mode(dht.ModeServer), dht.ProtocolPrefix(protocol.ID(prefix)),
			dht.BootstrapPeers(), dht.DisableAutoRefresh())
		if err != nil {
			return err
		}
		defer server.Close()
		hosts = append(hosts, h)
	}
	for i, h := range hosts {
		for _, other := range hosts[:i] {
			if err := h.Connect(ctx, peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()}); err != nil {
				return err
			}
		}
	}
	var addresses []string
	for _, h := range hosts {
		for _, addr := range h.Addrs() {
			addresses = append(addresses, fmt.Sprintf("%s/p2p/%s", addr, h.ID()))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"addresses": addresses}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
