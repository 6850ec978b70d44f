// The go-libp2p-kad-dht counterpart of Hydra's tests.
//
//	counterpart node  -heads ADDR,ADDR [-transport tcp-noise|tcp-tls|quic-v1]
//	    a DHT client that knows nothing but the heads; reads one JSON command a line
//	    on stdin, writes one JSON answer a line on stdout, ends with its stdin.
//	counterpart serve [-n 3]
//	    DHT servers that know each other: the reference behaviour, against which the
//	    wire tests themselves can be checked (HYDRA_TEST_TARGET in docs/testing.md).
//	counterpart leveldb -out DIR [-n 1000]
//	    writes a database as hydra-booster left one, and says what an import must make of it.
//
// Nothing here ever uses a public bootstrap list, mDNS, relays or port mapping.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
)

func main() {
	if len(os.Args) < 2 {
		die("give a sub-command: node, serve or leveldb")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	heads := flags.String("heads", "", "addresses with /p2p/ID of the heads, comma separated")
	transport := flags.String("transport", "tcp-noise", "tcp-noise, tcp-tls or quic-v1")
	prefix := flags.String("prefix", "/ipfs", "protocol prefix")
	count := flags.Int("n", 3, "servers to run, or keys to write")
	out := flags.String("out", "", "directory of the database to make")
	if err := flags.Parse(os.Args[2:]); err != nil {
		die(err.Error())
	}

	var err error
	switch os.Args[1] {
	case "node":
		var infos []peer.AddrInfo
		if infos, err = parseHeads(*heads); err == nil {
			err = runNode(infos, *transport, *prefix)
		}
	case "serve":
		err = runServers(*count, *prefix)
	case "leveldb":
		err = runLevelDB(*out, *count)
	default:
		err = fmt.Errorf("no sub-command %q: node, serve or leveldb", os.Args[1])
	}
	if err != nil {
		die(err.Error())
	}
}

func parseHeads(list string) ([]peer.AddrInfo, error) {
	byID := map[peer.ID]*peer.AddrInfo{}
	var order []peer.ID
	for _, text := range strings.Split(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		info, err := peer.AddrInfoFromString(text)
		if err != nil {
			return nil, fmt.Errorf("-heads: %q: %w", text, err)
		}
		if known, ok := byID[info.ID]; ok {
			known.Addrs = append(known.Addrs, info.Addrs...)
			continue
		}
		byID[info.ID] = info
		order = append(order, info.ID)
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("-heads: no address given")
	}
	infos := make([]peer.AddrInfo, 0, len(order))
	for _, id := range order {
		infos = append(infos, *byID[id])
	}
	return infos, nil
}

func die(text string) {
	fmt.Fprintln(os.Stderr, "counterpart:", text)
	os.Exit(1)
}
