// The js-libp2p kad-dht counterpart of Hydra's tests.
//
//   node node.mjs --heads ADDR,ADDR [--transport tcp-noise|tcp-tls]
//
// (js-libp2p's QUIC comes as prebuilt binaries for Node 22 and later: left out.)
//
// A DHT client that knows nothing but the heads: it has no bootstrap list, no mDNS and
// listens on loopback. It reads one JSON command a line on stdin, writes one JSON answer a
// line on stdout and ends with its stdin. The commands are those of ../go/node.go.
import './polyfill.mjs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { delegatedRoutingV1HttpApiClient } from '@helia/delegated-routing-v1-http-api-client'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { peerIdFromCID, peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import {
  createIPNSRecord, marshalIPNSRecord, multihashToIPNSRoutingKey, unmarshalIPNSRecord
} from 'ipns'
import { ipnsSelector } from 'ipns/selector'
import { ipnsValidator } from 'ipns/validator'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'

const { values: flags } = parseArgs({
  options: {
    heads: { type: 'string' },
    transport: { type: 'string', default: 'tcp-noise' },
    prefix: { type: 'string', default: '/ipfs' }
  }
})
const heads = (flags.heads ?? '').split(',').filter(Boolean).map((text) => multiaddr(text))
if (heads.length === 0) {
  console.error('counterpart: --heads: no address given')
  process.exit(1)
}

const wires = {
  'tcp-noise': { listen: '/ip4/127.0.0.1/tcp/0', transports: [tcp()], connectionEncrypters: [noise()] },
  'tcp-tls': { listen: '/ip4/127.0.0.1/tcp/0', transports: [tcp()], connectionEncrypters: [tls()] }
}
const wire = wires[flags.transport]
if (wire == null) {
  console.error(`counterpart: --transport ${flags.transport}: tcp-noise or tcp-tls`)
  process.exit(1)
}

const node = await createLibp2p({
  addresses: { listen: [wire.listen] },
  transports: wire.transports,
  connectionEncrypters: wire.connectionEncrypters,
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false },
  nodeInfo: { userAgent: 'hydra-counterpart-js' },
  services: {
    identify: identify(),
    ping: ping(),
    dht: kadDHT({
      protocol: `${flags.prefix}/kad/1.0.0`,
      clientMode: true,
      peerInfoMapper: passthroughMapper,
      validators: { ipns: ipnsValidator },
      selectors: { ipns: ipnsSelector }
    })
  }
})

const texts = (addresses) => addresses.map((address) => address.toString())
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A kad-dht query tells its failures as events: a query that no peer answered is an error. */
async function run (events, each) {
  const failures = []
  let answers = 0
  for await (const event of events) {
    if (event.name === 'QUERY_ERROR') failures.push(event.error.message)
    if (event.name === 'PEER_RESPONSE') answers++
    if (each(event) === false) break
  }
  return { answers, failures }
}

/** Helia's client of Delegated Routing, without its cache. */
const over = (url) => delegatedRoutingV1HttpApiClient({ url, cacheTTL: 0 })({ logger: node.logger })

async function peersOf (records) {
  const peers = []
  for await (const { ID, Addrs } of records) {
    peers.push({ peer_id: peerIdFromCID(ID).toString(), addresses: texts(Addrs) })
  }
  return { peers }
}

const commands = {
  http_find_providers: ({ url, cid }, signal) => peersOf(over(url).getProviders(CID.parse(cid), { signal })),

  http_find_peer: ({ url, peer }, signal) =>
    peersOf(over(url).getPeers(peerIdFromString(peer).toCID(), { signal })),

  http_closest: ({ url, cid }, signal) => peersOf(over(url).getClosestPeers(CID.parse(cid), { signal })),

  http_put_ipns: async ({ url, value, seq = 0 }, signal) => {
    const key = await generateKeyPair('Ed25519')
    const record = marshalIPNSRecord(await createIPNSRecord(key, value, seq, 24 * 3600 * 1000))
    const name = peerIdFromPublicKey(key.publicKey).toCID()
    await over(url).putIPNS(name, record, { signal })
    return { name: name.toString() }
  },

  http_get_ipns: async ({ url, name }, signal) => {
    const found = await over(url).getIPNS(CID.parse(name, undefined), { signal })
    const record = unmarshalIPNSRecord(found)
    return { value: record.value, sequence: Number(record.sequence) }
  },

  id: async () => ({ peer_id: node.peerId.toString(), addresses: texts(node.getMultiaddrs()) }),

  /** Connects to every head and waits until all of them are in the routing table. */
  join: async (_, signal) => {
    for (const head of heads) await node.dial(head, { signal })
    const wanted = new Set(heads.map((head) => head.getComponents().find(({ name }) => name === 'p2p').value))
    for (;;) {
      const table = node.services.dht.routingTable.size
      if (table >= wanted.size) return { table }
      if (signal.aborted) throw new Error(`${table} of ${wanted.size} heads entered the routing table`)
      await sleep(50)
    }
  },

  provide: async ({ cid }, signal) => {
    const report = await run(node.services.dht.provide(CID.parse(cid), { signal }), () => {})
    return report
  },

  find_providers: async ({ cid, want = 1 }, signal) => {
    const providers = []
    await run(node.services.dht.findProviders(CID.parse(cid), { signal }), (event) => {
      if (event.name === 'PROVIDER') {
        for (const { id, multiaddrs } of event.providers) {
          providers.push({ peer_id: id.toString(), addresses: texts(multiaddrs) })
        }
      }
      return providers.length < want
    })
    return { providers }
  },

  put_ipns: async ({ value, seq = 0 }, signal) => {
    const key = await generateKeyPair('Ed25519')
    const record = marshalIPNSRecord(await createIPNSRecord(key, value, seq, 24 * 3600 * 1000))
    const id = peerIdFromPublicKey(key.publicKey)
    const routingKey = multihashToIPNSRoutingKey(id.toMultihash())
    const report = await run(node.services.dht.put(routingKey, record, { signal }), () => {})
    if (report.failures.length > 0) throw new Error(report.failures.join('; '))
    return { name: id.toCID().toString(), ...report }
  },

  get_ipns: async ({ name }, signal) => {
    const digest = CID.parse(name, undefined).multihash
    let found
    await run(node.services.dht.get(multihashToIPNSRoutingKey(digest), { signal }), (event) => {
      if (event.name === 'VALUE') found = event.value
    })
    if (found == null) throw new Error('no value came back')
    const record = unmarshalIPNSRecord(found)
    return { value: record.value, sequence: Number(record.sequence) }
  },

  find_peer: async ({ peer }, signal) => {
    let addresses
    await run(node.services.dht.findPeer(peerIdFromString(peer), { signal }), (event) => {
      if (event.name === 'FINAL_PEER') addresses = texts(event.peer.multiaddrs)
      return addresses == null
    })
    if (addresses == null) throw new Error('peer not found')
    return { addresses }
  },

  closest: async ({ peer }, signal) => {
    const peers = []
    await run(node.services.dht.getClosestPeers(new TextEncoder().encode(peer), { signal }), (event) => {
      if (event.name === 'FINAL_PEER') peers.push(event.peer.id.toString())
    })
    return { peers }
  },

  /** libp2p's own ping; js-libp2p has no way to send the DHT's. */
  ping: async ({ peer }, signal) => ({ milliseconds: await node.services.ping.ping(peerIdFromString(peer), { signal }) })
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    const request = JSON.parse(line)
    const command = commands[request.cmd]
    if (command == null) throw new Error(`no command ${request.cmd}`)
    const signal = AbortSignal.timeout((request.timeout_seconds ?? 30) * 1000)
    answer = { ...await command(request, signal), ok: true }
  } catch (error) {
    answer = { ok: false, error: `${error.name}: ${error.message}` }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
await node.stop()
process.exit(0)
