//! What the machine and the addresses allow of heads that come by themselves.

use std::collections::HashSet;
use std::net::IpAddr;

use super::Most;
use crate::hydra::Hydra;
use crate::hydra::capacity::{HEADS_PER_ADDRESS, OWN_FILES};
use crate::routing::AddressPolicy;
use crate::wire::class::{Class, Host, class};

/// Connections that each head must have room for; a public head holds some 500.
const CONNECTIONS: u64 = 100;

/// Places of the index set of which the addresses are looked at: heads are spread over at
/// most so many addresses (`listen.ips`).
const PLACES: usize = 64;

impl Hydra {
    /// Most heads that may come by themselves.
    pub(super) fn most_heads(&self) -> Most {
        let budget = self.budget.config();
        let files = budget.files.saturating_sub(OWN_FILES) / (self.files_per_head() + CONNECTIONS);
        let ports = match self.config.port_begin {
            0 => u64::from(u16::MAX),
            first => u64::from(u16::MAX - first) + 1,
        };
        let mut bounds = vec![
            (files, "files"),
            (budget.connections as u64 / CONNECTIONS, "connections"),
            (u64::from(self.config.indexes.capacity()), "indices"),
            (ports, "ports"),
        ];
        if self.config.policy == AddressPolicy::Public {
            bounds.push(((HEADS_PER_ADDRESS * self.public_addresses()) as u64, "addresses"));
        }
        let (heads, by) = bounds.into_iter().min().unwrap_or((0, "files"));
        Most { heads: u32::try_from(heads).unwrap_or(u32::MAX), by }
    }

    /// Different public addresses that heads announce, of the family that has more.
    fn public_addresses(&self) -> usize {
        let announced = (0..PLACES).flat_map(|place| (self.config.announce)(&(self.config.listen)(place), 1));
        let (mut v4, mut v6, mut names) = (HashSet::new(), HashSet::new(), 0);
        for address in announced {
            let Some(class) = class(address.as_ref()).filter(Class::is_public) else { continue };
            match class.host {
                Host::Ip(IpAddr::V4(ip)) => drop(v4.insert(ip)),
                Host::Ip(IpAddr::V6(ip)) => drop(v6.insert(ip)),
                // how many addresses are behind a name is not known
                Host::Dns | Host::Other => names = 1,
            }
        }
        v4.len().max(v6.len()).max(names)
    }
}
