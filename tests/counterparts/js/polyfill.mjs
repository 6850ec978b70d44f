// Node 20 has no Promise.withResolvers; js-libp2p uses it. Imported before anything else.
Promise.withResolvers ??= function withResolvers () {
  let resolve, reject
  const promise = new this((a, b) => { resolve = a; reject = b })
  return { promise, resolve, reject }
}
