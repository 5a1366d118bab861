//! Which addresses a provider's name may lead to: a table of ranges, and who may go where.
//!
//! A name is configured by the operator, and its addresses are told by somebody else: a resolver, a
//! zone, whoever answers first. A name that leads to this machine or to a cloud's metadata service
//! (DNS rebinding, `127.0.0.1.nip.io`) would carry a key to a place that nobody named. So an address
//! is judged after it was resolved and before anything is sent to it, and the connection goes to
//! the very address that was judged.
//!
//! - **Never** by a name: what no provider can be behind (unspecified, multicast, reserved, ranges
//!   for examples and measurements), link-local addresses, and the metadata services of clouds.
//! - **This machine** only where it was named: `localhost` and below it, or a `local` provider.
//! - **Private networks** freely: models on the next machine, and the private endpoints that vendors
//!   offer, are reached by names that the operator wrote. Only a known vendor's own host over plain
//!   `http` is held back from there. Over `https` the certificate decides who is spoken to; without
//!   it nothing would, and no vendor's public name stands for a private address.
//!
//! An address that the operator wrote down, in the URL or as a pin, is not judged: it was named.
//!
//! **Invariant:** an IPv6 address that carries an IPv4 address is judged by what it carries, unless
//! it leads to a public one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// The internet.
    Public,
    /// A private network, or one that carriers and overlays share.
    Private,
    /// This machine.
    Loopback,
    /// The nearest network segment.
    LinkLocal,
    /// Where clouds tell their machines names, settings and credentials.
    Metadata,
    /// No address yet; Linux takes it for this machine.
    Unspecified,
    /// Many receivers.
    Multicast,
    /// Not in use, or for protocols.
    Reserved,
    /// For examples and measurements.
    Example,
}

/// Where the addresses of a provider's name may be, beside the internet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Reach {
    /// On this machine.
    pub loopback: bool,
    /// In a private network.
    pub private: bool,
}

/// Ranges of IPv4: the first that fits decides, and what is in none is public.
///
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>; metadata services as their clouds
/// document them.
const V4: &[([u8; 4], u32, Place)] = &[
    // AWS, Azure, Google and most others.
    ([169, 254, 169, 254], 32, Place::Metadata),
    // Credentials of containers on AWS: ECS, EKS.
    ([169, 254, 170, 2], 32, Place::Metadata),
    ([169, 254, 170, 23], 32, Place::Metadata),
    // Alibaba Cloud, which has it in shared space.
    ([100, 100, 100, 200], 32, Place::Metadata),
    // Oracle Cloud.
    ([192, 0, 0, 192], 32, Place::Metadata),
    // Azure's wire server.
    ([168, 63, 129, 16], 32, Place::Metadata),
    ([0, 0, 0, 0], 8, Place::Unspecified),
    ([127, 0, 0, 0], 8, Place::Loopback),
    ([169, 254, 0, 0], 16, Place::LinkLocal),
    ([10, 0, 0, 0], 8, Place::Private),
    ([172, 16, 0, 0], 12, Place::Private),
    ([192, 168, 0, 0], 16, Place::Private),
    // Shared address space: carriers and overlay networks (RFC 6598).
    ([100, 64, 0, 0], 10, Place::Private),
    ([192, 0, 2, 0], 24, Place::Example),
    ([198, 51, 100, 0], 24, Place::Example),
    ([203, 0, 113, 0], 24, Place::Example),
    // Measurements (RFC 2544), and the made-up answers of some tunnels.
    ([198, 18, 0, 0], 15, Place::Example),
    ([192, 0, 0, 0], 24, Place::Reserved),
    ([192, 88, 99, 0], 24, Place::Reserved),
    ([224, 0, 0, 0], 4, Place::Multicast),
    // With the broadcast address.
    ([240, 0, 0, 0], 4, Place::Reserved),
];

/// The same of IPv6, where no IPv4 address is carried.
///
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const V6: &[([u16; 8], u32, Place)] = &[
    // AWS: machines and containers.
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, Place::Metadata),
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128, Place::Metadata),
    // Google Cloud.
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, Place::Metadata),
    ([0; 8], 128, Place::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Place::Loopback),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Place::LinkLocal),
    // What was site-local, and still is where it is used.
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Place::Private),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Place::Private),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Place::Multicast),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Place::Example),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Place::Example),
    // Measurements (RFC 5180).
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Place::Example),
    // Everything is dropped (RFC 6666).
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Place::Reserved),
    // Translation that is local to a network (RFC 8215): what it carries is its own affair.
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Place::Private),
    // Teredo (RFC 4380), long gone.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, Place::Reserved),
];

// === impl Place ===

impl Place {
    /// Every one of them.
    pub const ALL: [Self; 9] = [
        Self::Public,
        Self::Private,
        Self::Loopback,
        Self::LinkLocal,
        Self::Metadata,
        Self::Unspecified,
        Self::Multicast,
        Self::Reserved,
        Self::Example,
    ];

    /// What an address is for.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => {
                let bits = v4.to_bits();
                let inside = |(net, length, _): &&([u8; 4], u32, Self)| {
                    prefix_eq(bits.into(), Ipv4Addr::from(*net).to_bits().into(), 32 - length)
                };
                V4.iter().find(inside).map_or(Self::Public, |(_, _, place)| *place)
            }
            IpAddr::V6(v6) => {
                let inside = |(net, length, _): &&([u16; 8], u32, Self)| {
                    prefix_eq(v6.to_bits(), Ipv6Addr::from(*net).to_bits(), 128 - length)
                };
                let own = V6.iter().find(inside).map(|(_, _, place)| *place);
                own.or_else(|| carried(v6).map(|v4| Self::of(v4.into()))).unwrap_or(Self::Public)
            }
        }
    }

    /// What it is, in the words of a message: `192.0.2.7 is …`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Private => "an address of a private network",
            Self::Loopback => "this machine",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Unspecified => "no address to connect to",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
            Self::Example => "an address for examples and measurements",
        }
    }
}

// === impl Reach ===

impl Reach {
    /// Whether a name that leads to `address` may be followed there; if not, what the address is.
    pub fn admits(self, address: IpAddr) -> Result<(), Place> {
        let place = Place::of(address);
        let admitted = match place {
            Place::Public => true,
            Place::Private => self.private,
            Place::Loopback => self.loopback,
            Place::LinkLocal
            | Place::Metadata
            | Place::Unspecified
            | Place::Multicast
            | Place::Reserved
            | Place::Example => false,
        };
        if admitted { Ok(()) } else { Err(place) }
    }
}

impl Default for Reach {
    /// As a name that the operator wrote, of which nothing more is known.
    fn default() -> Self {
        Self { loopback: false, private: true }
    }
}

/// Whether two numbers are the same but for their last `tail` bits.
fn prefix_eq(one: u128, other: u128, tail: u32) -> bool {
    one.checked_shr(tail).unwrap_or(0) == other.checked_shr(tail).unwrap_or(0)
}

/// The IPv4 address in an IPv6 address: mapped (RFC 4291 §2.5.5.2), compatible (§2.5.5.1),
/// translated (RFC 6052) or 6to4 (RFC 3056). Not that of `::` and `::1`, which are none.
pub fn carried(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, _, _, _, _, _] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Reach};
    use std::collections::BTreeSet;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// A place, and addresses that are there: the first and the last of each range, and both
    /// neighbours as public ones.
    const PLACES: &[(Place, &str)] = &[
        (
            Place::Public,
            "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255",
        ),
        (Place::Public, "128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0"),
        (Place::Public, "168.63.129.15 168.63.129.17 191.255.255.255 192.0.1.0 192.0.3.0"),
        (Place::Public, "192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255"),
        (Place::Public, "2606:4700::1111 fbff:ffff:: fe00:: 2001:db7:: 64:ff9b::808:808"),
        (Place::Public, "::ffff:8.8.8.8 2002:808:808:: ::8.8.8.8"),
        (Place::Private, "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0"),
        (Place::Private, "192.168.255.255 100.64.0.0 100.127.255.255 fc00:: fdff:ffff::"),
        (Place::Private, "fec0:: ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 64:ff9b:1::7f00:1"),
        (Place::Loopback, "127.0.0.0 127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1 ::127.0.0.1"),
        (Place::Loopback, "64:ff9b::7f00:1 2002:7f00:1:: 2002:7f00:1:1::5 ::ffff:0:127.0.0.1"),
        (Place::LinkLocal, "169.254.0.0 169.254.1.1 169.254.255.255 fe80:: fe80::1 febf:ffff::"),
        (Place::LinkLocal, "::ffff:169.254.0.1 64:ff9b::a9fe:1 2002:a9fe:1::"),
        (Place::Metadata, "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200"),
        (Place::Metadata, "192.0.0.192 168.63.129.16 fd00:ec2::254 fd00:ec2::23 fd20:ce::254"),
        (Place::Metadata, "::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe"),
        (Place::Metadata, "2002:a9fe:a9fe:: ::ffff:100.100.100.200"),
        (Place::Unspecified, "0.0.0.0 0.0.0.1 0.255.255.255 :: ::ffff:0.0.0.0 ::2"),
        (Place::Multicast, "224.0.0.0 239.255.255.255 ff00:: ff02::1 ::ffff:224.0.0.1"),
        (Place::Reserved, "192.0.0.0 192.0.0.255 240.0.0.0 255.255.255.255 192.88.99.1 100::1"),
        (Place::Reserved, "2001::1 ::ffff:255.255.255.255"),
        (Place::Example, "192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.0 198.19.255.255"),
        (Place::Example, "2001:db8::1 3fff::1 2001:2::1 ::ffff:198.18.0.1"),
    ];

    #[test]
    fn places() {
        let mut seen = BTreeSet::new();
        for (expect, addresses) in PLACES {
            for text in addresses.split(' ') {
                let address: IpAddr = text.parse().unwrap_or_else(|_| panic!("{text}"));
                assert_eq!(Place::of(address), *expect, "{text}");
            }
            seen.insert(*expect);
        }
        assert!(Place::ALL.iter().all(|place| seen.contains(place)), "a place without a case");
    }

    #[test]
    fn who_may_go_where() {
        let (name, here) = (Reach::default(), Reach { loopback: true, private: true });
        let vendor = Reach { loopback: false, private: false };
        for (place, addresses) in PLACES {
            let expect = |reach: Reach| match place {
                Place::Public => true,
                Place::Private => reach.private,
                Place::Loopback => reach.loopback,
                Place::LinkLocal
                | Place::Metadata
                | Place::Unspecified
                | Place::Multicast
                | Place::Reserved
                | Place::Example => false,
            };
            for address in addresses.split(' ').map(|text| text.parse().unwrap()) {
                for reach in [name, here, vendor] {
                    let answer = if expect(reach) { Ok(()) } else { Err(*place) };
                    assert_eq!(reach.admits(address), answer, "{address} {reach:?}");
                }
            }
        }
    }

    /// However an IPv4 address is wrapped, it is judged as it is.
    #[test]
    fn no_wrapping_makes_an_address_harmless() {
        for step in 0..=u32::from(u16::MAX) {
            let v4 = Ipv4Addr::from_bits(step.wrapping_mul(65_537).rotate_left(7));
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let plain = Place::of(v4.into());
            for wrapped in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                assert_eq!(Place::of(wrapped.into()), plain, "{wrapped}");
            }
        }
    }
}
