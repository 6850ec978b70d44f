package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	ds "github.com/ipfs/go-datastore"
	leveldb "github.com/ipfs/go-ds-leveldb"
	recpb "github.com/libp2p/go-libp2p-record/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-base32"
	"github.com/multiformats/go-multihash"
	"google.golang.org/protobuf/proto"
)

// kad-dht wrote keys of a batch like this (`internal.Hash`, `providers.mkProvKeyFor`, `mkDsKey`).
var base32Upper = base32.RawStdEncoding

// runLevelDB writes a database as hydra-booster left one: through go-ds-leveldb, in batches of
// 256 as its autobatching had them, with `keys` keys of two providers each. Half of the keys are
// written a second time, an hour later; some are deleted, some are no records. What an import must
// make of it goes to stdout.
func runLevelDB(dir string, keys int) error {
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s is there already", dir)
	}
	store, err := leveldb.NewDatastore(dir, nil)
	if err != nil {
		return err
	}
	ctx, now := context.Background(), time.Now()
	writer := &batches{ctx: ctx, store: store}
	providers := [2]peer.ID{seededPeer(1), seededPeer(2)}
	hash := func(n int) []byte {
		digest := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(n)))
		encoded, _ := multihash.Encode(digest[:], multihash.SHA2_256)
		return encoded
	}
	record := func(key, provider []byte) ds.Key {
		return ds.NewKey("/providers/" + base32Upper.EncodeToString(key) + "/" + base32Upper.EncodeToString(provider))
	}
	stamp := func(at time.Time) []byte {
		buf := make([]byte, 16)
		return buf[:binary.PutVarint(buf, at.UnixNano())]
	}
	// a quarter is over: announced 50 h ago and not again
	for n := 0; n < keys; n++ {
		for _, provider := range providers {
			age := 3 * time.Hour
			if n%4 == 3 {
				age = 50 * time.Hour
			}
			writer.put(record(hash(n), []byte(provider)), stamp(now.Add(-age)))
		}
	}
	// opened again, it has in a table what was in the journal
	if err := writer.flush(); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	if store, err = leveldb.NewDatastore(dir, nil); err != nil {
		return err
	}
	writer.store = store
	for n := 0; n < keys; n += 2 {
		writer.put(record(hash(n), []byte(providers[0])), stamp(now.Add(-2*time.Hour)))
	}
	deleted := 0
	for n := 1; n < keys; n += 40 {
		writer.delete(record(hash(n), []byte(providers[1])))
		deleted++
	}
	over := 0
	for n := 3; n < keys; n += 4 {
		over += len(providers)
	}
	long := make([]byte, 81)
	writer.put(record(long, []byte(providers[0])), stamp(now))
	writer.put(record(hash(0), []byte("not a peer")), stamp(now))
	writer.put(record(hash(1), []byte(seededPeer(3))), nil)
	writer.put(ds.NewKey("/providers/not-base32/x"), stamp(now))
	writer.put(ds.NewKey("/peers/addrs/CIQA"), []byte("of a peer store"))

	values, err := writer.values(now)
	if err != nil {
		return err
	}
	if err := writer.flush(); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"provider_records": keys*len(providers) - over - deleted,
		"expired":          over + 1,
		"value_records":    len(values),
		"refused":          6,
		"written_at":       now.Unix(),
		"key_hex":          fmt.Sprintf("%x", hash(0)),
		"provider":         providers[0].String(),
		"names":            values,
	})
}

// values writes an IPNS record and a public key that are good, an IPNS record that is over, and
// one of another key; it returns the names of the good ones.
func (b *batches) values(now time.Time) ([]string, error) {
	target, err := cid.Decode("bafkqaaa")
	if err != nil {
		return nil, err
	}
	recordOf := func(seed byte) (crypto.PrivKey, []byte, error) {
		key := seededKey(seed)
		entry, err := ipns.NewRecord(key, path.FromCid(target), 1, now.Add(100*365*24*time.Hour), time.Hour)
		if err != nil {
			return nil, nil, err
		}
		bytes, err := ipns.MarshalRecord(entry)
		return key, bytes, err
	}
	put := func(under string, key string, value []byte, received time.Time) error {
		bytes, err := proto.Marshal(&recpb.Record{
			Key: []byte(key), Value: value, TimeReceived: received.UTC().Format(time.RFC3339Nano),
		})
		if err != nil {
			return err
		}
		b.put(ds.NewKey(base32Upper.EncodeToString([]byte(under))), bytes)
		return nil
	}
	var names []string
	for seed := byte(10); seed < 13; seed++ {
		key, value, err := recordOf(seed)
		if err != nil {
			return nil, err
		}
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			return nil, err
		}
		name, received := "/ipns/"+string(id), now.Add(-5*time.Hour)
		under := name
		switch seed {
		case 11:
			received = now.Add(-49 * time.Hour)
		case 12:
			under = "/ipns/" + string(seededPeer(13))
		default:
			names = append(names, base64.StdEncoding.EncodeToString([]byte(name)))
		}
		if err := put(under, name, value, received); err != nil {
			return nil, err
		}
	}
	id := seededPeer(14)
	marshalled, err := crypto.MarshalPublicKey(seededKey(14).GetPublic())
	if err != nil {
		return nil, err
	}
	name := "/pk/" + string(id)
	names = append(names, base64.StdEncoding.EncodeToString([]byte(name)))
	return names, put(name, name, marshalled, now.Add(-time.Hour))
}

// batches writes as go-datastore's autobatch did.
type batches struct {
	ctx   context.Context
	store *leveldb.Datastore
	batch ds.Batch
	size  int
	err   error
}

func (b *batches) put(key ds.Key, value []byte) {
	b.add(func(batch ds.Batch) error { return batch.Put(b.ctx, key, value) })
}

func (b *batches) delete(key ds.Key) {
	b.add(func(batch ds.Batch) error { return batch.Delete(b.ctx, key) })
}

func (b *batches) add(write func(ds.Batch) error) {
	if b.err == nil && b.batch == nil {
		b.batch, b.err = b.store.Batch(b.ctx)
	}
	if b.err != nil {
		return
	}
	if b.err = write(b.batch); b.err == nil {
		if b.size++; b.size == 256 {
			b.err = b.flush()
		}
	}
}

func (b *batches) flush() error {
	if b.err != nil || b.batch == nil {
		return b.err
	}
	err := b.batch.Commit(b.ctx)
	b.batch, b.size = nil, 0
	return err
}

// seededKey is the same key for the same number, so that a database can be told from another
// by what is in it.
func seededKey(seed byte) crypto.PrivKey {
	key, _, err := crypto.GenerateEd25519Key(repeat(seed))
	if err != nil {
		die(err.Error())
	}
	return key
}

func seededPeer(seed byte) peer.ID {
	id, err := peer.IDFromPrivateKey(seededKey(seed))
	if err != nil {
		die(err.Error())
	}
	return id
}

// repeat is a source of one byte again and again.
type repeat byte

func (r repeat) Read(bytes []byte) (int, error) {
	for i := range bytes {
		bytes[i] = byte(r)
	}
	return len(bytes), nil
}
