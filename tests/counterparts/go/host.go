package main

import (
	"fmt"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// newHost listens on loopback only. The resource manager is without limits: all
// processes of a test share one address, which the default ones count as one stranger.
func newHost(transport string) (host.Host, error) {
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.InfiniteLimits))
	if err != nil {
		return nil, err
	}
	options := []libp2p.Option{
		libp2p.ResourceManager(limits),
		libp2p.DisableRelay(),
		libp2p.UserAgent("hydra-counterpart-go"),
	}
	onTCP := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
	}
	onQUIC := []libp2p.Option{
		libp2p.Transport(quic.NewTransport),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/udp/0/quic-v1"),
	}
	withNoise := libp2p.Security(noise.ID, noise.New)
	withTLS := libp2p.Security(tls.ID, tls.New)
	switch transport {
	case "tcp-noise":
		options = append(append(options, withNoise), onTCP...)
	case "tcp-tls":
		options = append(append(options, withTLS), onTCP...)
	case "quic-v1":
		options = append(options, onQUIC...)
	case "all":
		options = append(append(append(options, withTLS, withNoise), onTCP...), onQUIC...)
	default:
		return nil, fmt.Errorf("-transport %q: tcp-noise, tcp-tls or quic-v1", transport)
	}
	return libp2p.New(options...)
}
