//! Interfaces and default routes, as the kernel's files tell them (Linux; elsewhere they are absent).
//!
//! Formats: <https://www.kernel.org/doc/html/latest/filesystems/proc.html>,
//! <https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net>.

use super::text;
use crate::Files;
use ir::evidence::{Here, Interface};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Interfaces beyond these are not told of.
const INTERFACES_MAX: usize = 64;

/// `IFF_UP` and `IFF_LOOPBACK`.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
/// `RTF_UP` and `RTF_REJECT`.
const ROUTE_UP: u32 = 0x1;
const ROUTE_REJECT: u32 = 0x200;
/// A network that is cut in two halves, as VPNs do it, is a default route all the same.
const DEFAULT_BITS_MAX: u32 = 1;

/// One route to a network of IPv4.
struct Route {
    interface: String,
    net: u32,
    mask: u32,
    next: Ipv4Addr,
}

/// Fills in interfaces, routes and the gateway.
pub(super) fn look(files: &Files, here: &mut Here) {
    let routes = text(&files.route_v4).map(|text| routes_v4(&text));
    if let Some(routes) = &routes {
        let default = routes.iter().find(|route| route.mask.count_ones() <= DEFAULT_BITS_MAX);
        here.route_v4 = Some(default.is_some());
        here.gateway =
            default.map(|route| route.next).filter(|ip| !ip.is_unspecified()).map(IpAddr::V4);
    }
    if let Some(text) = text(&files.route_v6) {
        let default = default_v6(&text);
        here.route_v6 = Some(default.is_some());
        let next = default.filter(|ip| !ip.is_unspecified()).map(IpAddr::V6);
        here.gateway = here.gateway.or(next);
    }
    let mut addresses: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    let own = text(&files.fib_trie).map(|text| own_v4(&text)).unwrap_or_default();
    for address in own {
        if let Some(interface) = holder(routes.as_deref().unwrap_or_default(), address) {
            addresses.entry(interface).or_default().push(address.into());
        }
    }
    for (interface, address) in text(&files.if_inet6).map(|text| own_v6(&text)).unwrap_or_default()
    {
        addresses.entry(interface).or_default().push(address.into());
    }
    here.interfaces = interfaces(&files.interfaces, addresses);
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`; addresses are hexadecimal numbers in
/// the machine's own order of bytes.
fn routes_v4(text: &str) -> Vec<Route> {
    let number = |word: &str| u32::from_str_radix(word, 16).ok();
    let native = |number: u32| u32::from_be_bytes(number.to_ne_bytes());
    let route = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [interface, net, next, flags, _, _, _, mask, ..] = words.as_slice() else {
            return None;
        };
        let (net, next, mask) = (number(net)?, number(next)?, number(mask)?);
        is_open(number(flags)?).then(|| Route {
            interface: (*interface).to_owned(),
            net: native(net),
            mask: native(mask),
            next: Ipv4Addr::from_bits(native(next)),
        })
    };
    text.lines().skip(1).filter_map(route).collect()
}

/// `destination bits source bits next metric refs use flags interface`, all hexadecimal. The next
/// hop of the default route.
fn default_v6(text: &str) -> Option<Ipv6Addr> {
    text.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, bits, _, _, next, _, _, _, flags, interface] = words.as_slice() else {
            return None;
        };
        let bits = u32::from_str_radix(bits, 16).ok()?;
        let next = u128::from_str_radix(next, 16).ok()?;
        let open = is_open(u32::from_str_radix(flags, 16).ok()?) && *interface != "lo";
        (open && bits <= DEFAULT_BITS_MAX).then(|| Ipv6Addr::from_bits(next))
    })
}

fn is_open(flags: u32) -> bool {
    flags & ROUTE_UP != 0 && flags & ROUTE_REJECT == 0
}

/// The kernel's own addresses of IPv4: each stands on the line before `/32 host LOCAL`.
fn own_v4(text: &str) -> Vec<Ipv4Addr> {
    let mut last = None;
    let mut own = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !own.contains(&address)
        {
            own.push(address);
        }
    }
    own
}

/// The interface whose network an address is in; the smallest such network.
fn holder(routes: &[Route], address: Ipv4Addr) -> Option<String> {
    let holds = |route: &&Route| route.mask != 0 && address.to_bits() & route.mask == route.net;
    let smallest = routes.iter().filter(holds).max_by_key(|route| route.mask);
    smallest.map(|route| route.interface.clone())
}

/// `address index bits scope flags interface`; those of global scope.
fn own_v6(text: &str) -> Vec<(String, Ipv6Addr)> {
    let own = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, scope, _, interface] = words.as_slice() else { return None };
        let address = u128::from_str_radix(address, 16).ok()?;
        (*scope == "00").then(|| ((*interface).to_owned(), Ipv6Addr::from_bits(address)))
    };
    text.lines().filter_map(own).collect()
}

/// One folder per interface, with its flags and its state.
fn interfaces(
    folder: &Path,
    mut addresses: BTreeMap<String, Vec<IpAddr>>,
) -> Option<Vec<Interface>> {
    let mut found = Vec::new();
    for entry in folder.read_dir().ok()?.take(INTERFACES_MAX).flatten() {
        let word = |name: &str| text(&entry.path().join(name)).map(|text| text.trim().to_owned());
        let flags = word("flags").unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
        if flags & LOOPBACK != 0 {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        // Tunnels and some drivers do not know: then the flag alone says it.
        let running = matches!(word("operstate").as_deref(), Some("up" | "unknown"));
        let carried = word("carrier").is_none_or(|carrier| carrier != "0");
        let addresses = addresses.remove(&name).unwrap_or_default();
        found.push(Interface { name, up: flags & UP != 0 && running && carried, addresses });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Some(found)
}
