//! Addresses to which nothing is sent that somebody from outside asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first bits of addresses, and how many of them count.
struct Net<A>(A, u32);

/// Networks of IPv4 that are not the internet's, or of which nobody knows whose they are.
const BLOCKED_V4: [Net<Ipv4Addr>; 17] = [
    Net(Ipv4Addr::new(0, 0, 0, 0), 8),        // this network
    Net(Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    Net(Ipv4Addr::new(100, 64, 0, 0), 10),    // shared by carriers
    Net(Ipv4Addr::new(127, 0, 0, 0), 8),      // this machine
    Net(Ipv4Addr::new(168, 63, 129, 16), 32), // a cloud's inside, at an address of the internet
    Net(Ipv4Addr::new(169, 254, 0, 0), 16),   // this link, and clouds' metadata
    Net(Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    Net(Ipv4Addr::new(192, 0, 0, 0), 24),     // for protocols
    Net(Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    Net(Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    Net(Ipv4Addr::new(192, 88, 99, 0), 24),   // relays to IPv6
    Net(Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    Net(Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    Net(Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    Net(Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    Net(Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    Net(Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, and broadcast
];

/// What is global in IPv6 is in `2000::/3`; within it these are not. All else is blocked.
const GLOBAL_V6: Net<Ipv6Addr> = Net(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const BLOCKED_V6: [Net<Ipv6Addr>; 4] = [
    Net(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // for protocols, Teredo among them
    Net(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    Net(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // IPv4 within
    Net(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether something may be sent to an address of the internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !BLOCKED_V4
            .iter()
            .any(|Net(net, bits)| u32::from(v4) >> (32 - bits) == u32::from(*net) >> (32 - bits)),
        IpAddr::V6(v6) => {
            let within = |Net(net, bits): &Net<Ipv6Addr>| {
                u128::from(v6) >> (128 - bits) == u128::from(*net) >> (128 - bits)
            };
            within(&GLOBAL_V6) && !BLOCKED_V6.iter().any(within)
        }
    }
}
