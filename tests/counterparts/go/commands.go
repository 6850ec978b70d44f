package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/routing"
)

func (n *node) findProviders(ctx context.Context, c command) (reply, error) {
	key, err := cid.Decode(c.CID)
	if err != nil {
		return nil, err
	}
	want := c.Want
	if want == 0 {
		want = 1
	}
	found := []reply{}
	for info := range n.dht.FindProvidersAsync(ctx, key, want) {
		found = append(found, reply{"peer_id": info.ID.String(), "addresses": texts(info.Addrs)})
	}
	return reply{"providers": found}, nil
}

// putIPNS makes a key and a record of its own and puts it; the name comes back.
// With a rejected record no head answers, and the error says so.
func (n *node) putIPNS(ctx context.Context, c command) (reply, error) {
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
	data, err := ipns.MarshalRecord(record)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	name := ipns.NameFromPeer(id)
	return reply{"name": name.String()}, n.dht.PutValue(ctx, string(name.RoutingKey()), data)
}

func (n *node) getIPNS(ctx context.Context, c command) (reply, error) {
	name, err := ipns.NameFromString(c.Name)
	if err != nil {
		return nil, err
	}
	data, err := n.dht.GetValue(ctx, string(name.RoutingKey()))
	if err != nil {
		return nil, err
	}
	record, err := ipns.UnmarshalRecord(data)
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

// putPublicKey puts an RSA key, the one kind that an id does not already contain.
func (n *node) putPublicKey(ctx context.Context) (reply, error) {
	_, public, err := crypto.GenerateRSAKeyPair(2048, rand.Reader)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		return nil, err
	}
	data, err := crypto.MarshalPublicKey(public)
	if err != nil {
		return nil, err
	}
	return reply{"peer_id": id.String()}, n.dht.PutValue(ctx, routing.KeyForPublicKey(id), data)
}

func (n *node) getPublicKey(ctx context.Context, c command) (reply, error) {
	id, err := peer.Decode(c.Peer)
	if err != nil {
		return nil, err
	}
	data, err := n.dht.GetValue(ctx, routing.KeyForPublicKey(id))
	if err != nil {
		return nil, err
	}
	public, err := crypto.UnmarshalPublicKey(data)
	if err != nil {
		return nil, err
	}
	if !id.MatchesPublicKey(public) {
		return nil, errors.New("the key that came back is another one")
	}
	return reply{"bytes": len(data)}, nil
}

func (n *node) findPeer(ctx context.Context, c command) (reply, error) {
	id, err := peer.Decode(c.Peer)
	if err != nil {
		return nil, err
	}
	info, err := n.dht.FindPeer(ctx, id)
	return reply{"addresses": texts(info.Addrs)}, err
}

func (n *node) closest(ctx context.Context, c command) (reply, error) {
	peers, err := n.dht.GetClosestPeers(ctx, c.Peer)
	return reply{"peers": texts(peers)}, err
}

// ping sends the DHT's own PING, not /ipfs/ping.
func (n *node) ping(ctx context.Context, c command) (reply, error) {
	id, err := peer.Decode(c.Peer)
	if err != nil {
		return nil, err
	}
	answer, err := n.exchange(ctx, id, pb.NewMessage(pb.Message_PING, nil, 0))
	if err != nil {
		return nil, err
	}
	return reply{"type": answer.GetType().String()}, nil
}
