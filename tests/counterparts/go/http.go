package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/boxo/routing/http/client"
	"github.com/ipfs/boxo/routing/http/server"
	"github.com/ipfs/boxo/routing/http/types"
	"github.com/ipfs/boxo/routing/http/types/iter"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/routing"
)

// overHTTP runs a command with boxo's Delegated Routing client on c.URL.
func (n *node) overHTTP(ctx context.Context, c command) (reply, error) {
	router, err := client.New(c.URL)
	if err != nil {
		return nil, err
	}
	switch c.Cmd {
	case "http_find_providers":
		key, err := cid.Decode(c.CID)
		if err != nil {
			return nil, err
		}
		records, err := router.FindProviders(ctx, key)
		if err != nil {
			return nil, err
		}
		return peersOf(records)
	case "http_find_peer":
		id, err := peer.Decode(c.Peer)
		if err != nil {
			return nil, err
		}
		records, err := router.FindPeers(ctx, id)
		if err != nil {
			return nil, err
		}
		return peersOf(records)
	case "http_closest":
		key, err := cid.Decode(c.CID)
		if err != nil {
			return nil, err
		}
		records, err := router.GetClosestPeers(ctx, key)
		if err != nil {
			return nil, err
		}
		return peersOf(records)
	case "http_put_ipns":
		return putIPNSOver(ctx, router, c)
	case "http_get_ipns":
		name, err := ipns.NameFromString(c.Name)
		if err != nil {
			return nil, err
		}
		// the client validates what it gets
		record, err := router.GetIPNS(ctx, name)
		if err != nil {
			return nil, err
		}
		value, err := record.Value()
		if err != nil {
			return nil, err
		}
		sequence, err := record.Sequence()
		return reply{"value": value.String(), "sequence": sequence}, err
	}
	return nil, errors.New("no command " + c.Cmd)
}

func putIPNSOver(ctx context.Context, router *client.Client, c command) (reply, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	value, err := path.NewPath(c.Value)
	if err != nil {
		return nil, err
	}
	record, err := ipns.NewRecord(key, value, c.Seq, time.Now().Add(24*time.Hour), time.Minute)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	name := ipns.NameFromPeer(id)
	return reply{"name": name.String()}, router.PutIPNS(ctx, name, record)
}

func peersOf[T types.Record](records iter.ResultIter[T]) (reply, error) {
	defer records.Close()
	found := []reply{}
	for records.Next() {
		result := records.Val()
		if result.Err != nil {
			return nil, result.Err
		}
		record, ok := types.Record(result.Val).(*types.PeerRecord)
		if !ok {
			return nil, errors.New("a record of another schema: " + result.Val.GetSchema())
		}
		found = append(found, reply{"peer_id": record.ID.String(), "addresses": texts(record.Addrs)})
	}
	return reply{"peers": found}, nil
}

// serveHTTP starts boxo's Delegated Routing server, for which this node provides
// everything, and a gateway too, which no bitswap client can use.
func (n *node) serveHTTP() (reply, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go http.Serve(listener, server.Handler(&router{n}))
	return reply{"url": "http://" + listener.Addr().String()}, nil
}

type router struct{ node *node }

func (r *router) FindProviders(context.Context, cid.Cid, int) (iter.ResultIter[types.Record], error) {
	id := r.node.host.ID()
	record := func(protocol string, id peer.ID) types.Record {
		record := &types.PeerRecord{Schema: types.SchemaPeer, ID: &id, Protocols: []string{protocol}}
		for _, addr := range r.node.host.Addrs() {
			record.Addrs = append(record.Addrs, types.Multiaddr{Multiaddr: addr})
		}
		return record
	}
	gateway, err := peer.Decode("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")
	records := []types.Record{record("transport-ipfs-gateway-http", gateway), record("transport-bitswap", id)}
	return iter.ToResultIter(iter.FromSlice(records)), err
}

func (r *router) FindPeers(context.Context, peer.ID, int) (iter.ResultIter[*types.PeerRecord], error) {
	return nil, routing.ErrNotFound
}

func (r *router) GetClosestPeers(context.Context, cid.Cid) (iter.ResultIter[*types.PeerRecord], error) {
	return nil, routing.ErrNotFound
}

func (r *router) GetIPNS(context.Context, ipns.Name) (*ipns.Record, error) {
	return nil, routing.ErrNotFound
}

func (r *router) PutIPNS(context.Context, ipns.Name, *ipns.Record) error {
	return routing.ErrNotSupported
}

func (r *router) ProvideBitswap(context.Context, *server.BitswapWriteProvideRequest) (time.Duration, error) {
	return 0, routing.ErrNotSupported
}
