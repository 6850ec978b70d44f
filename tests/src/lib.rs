//! What the tests of the whole system stand on: the harness that runs real daemons and
//! counterparts, and a raw client that can say anything on the wire.

pub mod harness;
pub mod raw;
