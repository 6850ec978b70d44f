package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/ipfs/boxo/ipns"
)

// command is one line on stdin; which fields count depends on Cmd.
type command struct {
	Cmd     string  `json:"cmd"`
	CID     string  `json:"cid"`
	Peer    string  `json:"peer"`
	Name    string  `json:"name"`
	Value   string  `json:"value"`
	Seq     uint64  `json:"seq"`
	Frame   string  `json:"frame_hex"`
	Addr    string  `json:"address"`
	URL     string  `json:"url"`
	Want    int     `json:"want"`
	Timeout float64 `json:"timeout_seconds"`
}

type reply map[string]any

type node struct {
	host  host.Host
	dht   *dht.IpfsDHT
	heads []peer.AddrInfo
	kad   protocol.ID
}

// runNode answers commands until stdin ends. An answer has "ok"; when that is false,
// "error" says why.
func runNode(heads []peer.AddrInfo, transport, prefix string) error {
	h, err := newHost(transport)
	if err != nil {
		return err
	}
	defer h.Close()
	client, err := dht.New(h,
		dht.Mode(dht.ModeClient),
		dht.BootstrapPeers(heads...),
		dht.ProtocolPrefix(protocol.ID(prefix)),
		dht.Validator(record.NamespacedValidator{
			"pk":   record.PublicKeyValidator{},
			"ipns": ipns.Validator{KeyBook: h.Peerstore()},
		}),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	n := &node{host: h, dht: client, heads: heads, kad: protocol.ID(prefix + "/kad/1.0.0")}

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), 16<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c command
		answer, err := reply(nil), json.Unmarshal(lines.Bytes(), &c)
		if err == nil {
			answer, err = n.run(c)
		}
		if answer == nil {
			answer = reply{}
		}
		answer["ok"] = err == nil
		if err != nil {
			answer["error"] = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (n *node) run(c command) (reply, error) {
	timeout := 30 * time.Second
	if c.Timeout > 0 {
		timeout = time.Duration(c.Timeout * float64(time.Second))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	switch c.Cmd {
	case "id":
		return n.identity(), nil
	case "join":
		return n.join(ctx)
	case "provide":
		key, err := cid.Decode(c.CID)
		if err != nil {
			return nil, err
		}
		return nil, n.dht.Provide(ctx, key, true)
	case "find_providers":
		return n.findProviders(ctx, c)
	case "put_ipns":
		return n.putIPNS(ctx, c)
	case "get_ipns":
		return n.getIPNS(ctx, c)
	case "put_pk":
		return n.putPublicKey(ctx)
	case "get_pk":
		return n.getPublicKey(ctx, c)
	case "find_peer":
		return n.findPeer(ctx, c)
	case "closest":
		return n.closest(ctx, c)
	case "ping":
		return n.ping(ctx, c)
	case "raw":
		return n.raw(ctx, c)
	case "http_serve":
		return n.serveHTTP()
	case "http_find_providers", "http_find_peer", "http_closest", "http_put_ipns", "http_get_ipns":
		return n.overHTTP(ctx, c)
	}
	return nil, fmt.Errorf("no command %q", c.Cmd)
}

func (n *node) identity() reply {
	return reply{"peer_id": n.host.ID().String(), "addresses": texts(n.host.Addrs())}
}

// join connects to every head and waits until all of them stand in the routing
// table, which takes the table's own check (an answered FIND_NODE).
func (n *node) join(ctx context.Context) (reply, error) {
	for _, head := range n.heads {
		if err := n.host.Connect(ctx, head); err != nil {
			return nil, fmt.Errorf("dial %s: %w", head.ID, err)
		}
	}
	for n.dht.RoutingTable().Size() < len(n.heads) {
		select {
		case <-ctx.Done():
			return reply{"table": n.dht.RoutingTable().Size()},
				errors.New("not all heads entered the routing table")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return reply{"table": n.dht.RoutingTable().Size()}, nil
}

func texts[T fmt.Stringer](items []T) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.String())
	}
	return out
}
