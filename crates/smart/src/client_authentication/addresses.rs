//! The addresses that a client may come from (C17): `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.

use std::net::IpAddr;

/// Whether one of the ranges holds the address. No ranges: any address. An address that cannot be read is in none.
pub(crate) fn permit(ranges: &[String], source: &str) -> bool {
    if ranges.is_empty() {
        return true;
    }
    let Ok(source) = source.parse::<IpAddr>() else {
        return false;
    };
    let source = source.to_canonical();
    ranges
        .iter()
        .filter_map(|range| parse(range))
        .any(|(network, length)| holds(network, length, source))
}

/// Whether it is an address or a range of them.
pub(crate) fn is_range(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(bits);
    (length <= bits).then_some((address, length))
}

fn holds(network: IpAddr, length: u32, source: IpAddr) -> bool {
    match (network, source) {
        (IpAddr::V4(network), IpAddr::V4(source)) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            u32::from(network) & mask == u32::from(source) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(source)) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            u128::from(network) & mask == u128::from(source) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c17_addresses_bind() {
        let may = |range: &str, source: &str| permit(&[range.to_owned()], source);
        assert!(may("192.0.2.7", "192.0.2.7"));
        assert!(!may("192.0.2.7", "192.0.2.8"));
        assert!(may("192.0.2.0/24", "192.0.2.200"));
        assert!(!may("192.0.2.0/24", "192.0.3.1"));
        assert!(may("0.0.0.0/0", "203.0.113.1"));
        assert!(may("2001:db8::/32", "2001:db8:1::1"));
        assert!(!may("2001:db8::/32", "2001:db9::1"));
        assert!(
            may("192.0.2.0/24", "::ffff:192.0.2.1"),
            "the same address in IPv6's words"
        );
        assert!(!may("0.0.0.0/0", "not an address"));
        assert!(permit(&[], "anything"));
        for bad in ["", "x", "192.0.2.0/33", "192.0.2.0/x", "::/129"] {
            assert!(!may(bad, "192.0.2.1"), "{bad}");
        }
    }
}
