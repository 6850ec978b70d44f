//! How many requests a second one client address may make: a token bucket each, in a table of
//! bounded size.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Addresses remembered at a time. Buckets that are full again are forgotten; when none is,
/// those longest unused.
const MAX_CLIENTS: usize = 16_384;

/// What one client address may ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

/// Buckets by client.
pub(super) struct Rates {
    rate: Rate,
    buckets: Mutex<HashMap<u64, (f64, Instant)>>,
}

impl Rates {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes one request, or says after what time there will be one.
    pub(super) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = network(client);
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MAX_CLIENTS && !buckets.contains_key(&key) {
            self.forget(&mut buckets, now);
        }
        let (tokens, last) = buckets.entry(key).or_insert((self.rate.burst, now));
        let grown = *tokens + now.saturating_duration_since(*last).as_secs_f64() * self.rate.per_second;
        *tokens = grown.min(self.rate.burst);
        *last = now.max(*last);
        if *tokens >= 1.0 {
            *tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::try_from_secs_f64((1.0 - *tokens) / self.rate.per_second).unwrap_or(Duration::MAX))
    }

    /// Makes room: whoever asked for nothing long enough starts afresh anyway.
    fn forget(&self, buckets: &mut HashMap<u64, (f64, Instant)>, now: Instant) {
        let full = Duration::from_secs_f64(self.rate.burst / self.rate.per_second);
        buckets.retain(|_, (_, last)| now.saturating_duration_since(*last) < full);
        if buckets.len() < MAX_CLIENTS {
            return;
        }
        // half at once: whoever sends from ever new addresses does not make each request dear
        let mut times: Vec<Instant> = buckets.values().map(|(_, last)| *last).collect();
        let (_, median, _) = times.select_nth_unstable(MAX_CLIENTS / 2);
        let median = *median;
        buckets.retain(|_, (_, last)| *last > median);
    }
}

/// An IPv4 address, or the /56 that one customer usually has.
fn network(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => (u128::from(ip) >> 64) as u64 & !0xff,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn a_client_over_its_rate_waits_and_others_do_not() {
        let rates = Rates::new(Rate { per_second: 2.0, burst: 3.0 });
        let (now, one, other) = (Instant::now(), IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert_eq!((0..9).filter(|_| rates.take(one, now).is_ok()).count(), 3);
        assert_eq!(rates.take(one, now), Err(Duration::from_millis(500)));
        assert_eq!(rates.take(other, now), Ok(()));
        assert_eq!(rates.take(one, now + Duration::from_millis(500)), Ok(()));
    }

    #[test]
    fn a_customer_with_many_ipv6_addresses_is_one_client() {
        let rates = Rates::new(Rate { per_second: 1.0, burst: 1.0 });
        let ip = |low: u128| IpAddr::V6(Ipv6Addr::from(0x2001_0db8_0000_0100_0000_0000_0000_0000 + low));
        assert!(rates.take(ip(1), Instant::now()).is_ok());
        rates.take(ip(0x42 << 64), Instant::now()).expect_err("the same /56");
        rates.take(ip(0x100 << 64), Instant::now()).expect("another /56");
    }

    #[test]
    fn strangers_without_number_do_not_grow_the_table() {
        let rates = Rates::new(Rate { per_second: 1.0, burst: 2.0 });
        let now = Instant::now();
        for n in 0..MAX_CLIENTS as u32 + 50 {
            rates.take(Ipv4Addr::from(n).into(), now + Duration::from_nanos(u64::from(n))).expect("a first");
        }
        assert!(rates.buckets.lock().len() <= MAX_CLIENTS);
    }
}
