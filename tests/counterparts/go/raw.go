package main

import (
	"context"
	"encoding/hex"
	"errors"

	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-msgio"
	"google.golang.org/protobuf/proto"
)

const maxMessage = 4 << 20

// exchange sends one message on a stream of its own and reads the answer.
func (n *node) exchange(ctx context.Context, to peer.ID, message *pb.Message) (*pb.Message, error) {
	data, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	raw, err := n.frame(ctx, to, data)
	if err != nil {
		return nil, err
	}
	answer := new(pb.Message)
	return answer, proto.Unmarshal(raw, answer)
}

func (n *node) frame(ctx context.Context, to peer.ID, data []byte) ([]byte, error) {
	stream, err := n.host.NewStream(ctx, to, n.kad)
	if err != nil {
		return nil, err
	}
	defer stream.Reset()
	if deadline, ok := ctx.Deadline(); ok {
		if err := stream.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if err := msgio.NewVarintWriter(stream).WriteMsg(data); err != nil {
		return nil, err
	}
	return msgio.NewVarintReaderSize(stream, maxMessage).ReadMsg()
}

// raw sends arbitrary bytes as one framed message; the answer comes decoded and as
// it was on the wire.
func (n *node) raw(ctx context.Context, c command) (reply, error) {
	data, err := hex.DecodeString(c.Frame)
	if err != nil {
		return nil, err
	}
	info := n.heads[0]
	if c.Addr != "" {
		given, err := peer.AddrInfoFromString(c.Addr)
		if err != nil {
			return nil, err
		}
		info = *given
	}
	if err := n.host.Connect(ctx, info); err != nil {
		return nil, err
	}
	got, err := n.frame(ctx, info.ID, data)
	if err != nil {
		return nil, err
	}
	message := new(pb.Message)
	if err := proto.Unmarshal(got, message); err != nil {
		return nil, errors.Join(errors.New("the answer is no DHT message"), err)
	}
	conns := n.host.Network().ConnsToPeer(info.ID)
	security, transport := "", ""
	if len(conns) > 0 {
		security, transport = string(conns[0].ConnState().Security), conns[0].ConnState().Transport
	}
	return reply{
		"type":      message.GetType().String(),
		"closer":    peerReplies(message.GetCloserPeers()),
		"providers": peerReplies(message.GetProviderPeers()),
		"key_hex":   hex.EncodeToString(message.GetKey()),
		"cluster":   message.GetClusterLevelRaw(),
		"reply_hex": hex.EncodeToString(got),
		"security":  security,
		"transport": transport,
	}, nil
}

func peerReplies(peers []*pb.Message_Peer) []reply {
	out := []reply{}
	for _, info := range pb.PBPeersToPeerInfos(peers) {
		out = append(out, reply{"peer_id": info.ID.String(), "addresses": texts(info.Addrs)})
	}
	return out
}
