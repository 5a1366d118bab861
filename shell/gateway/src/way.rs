//! A provider's way, as the transport takes it. Everything that is sent to a provider, free probes and
//! lists of models too, goes over the one upstream that is made of this.

use config::{Provider, Proxy, Way};
use http::HeaderValue;
use secrecy::ExposeSecret;
use std::time::Duration;
use transport::{Resolver, Roots, UpstreamSettings, Via};

/// How to reach a provider.
pub(crate) fn settings(
    provider: &Provider,
    resolver: &Resolver,
    roots: &Roots,
) -> UpstreamSettings {
    over(&provider.way, provider.deadlines.connect, resolver, roots)
}

/// How to reach whoever is at the end of a way.
pub fn over(way: &Way, connect: Duration, resolver: &Resolver, roots: &Roots) -> UpstreamSettings {
    let certificates = way.ca.iter().flat_map(|ca| &ca.certificates);
    UpstreamSettings {
        connect,
        resolver: resolver.clone(),
        reach: way.reach,
        addresses: way.addresses.clone(),
        via: way.proxy.as_ref().map(via),
        roots: certificates.fold(roots.clone(), |roots, der| roots.with_der(der.clone())),
        ..UpstreamSettings::default()
    }
}

/// What shares one fate: an address, and behind a proxy the address through that proxy. So a proxy
/// that is down takes nobody out who is reached without it.
pub(crate) fn host(provider: &Provider) -> String {
    let url = &provider.base_url;
    match &provider.way.proxy {
        Some(proxy) => format!("{}:{} via {}", url.host, url.port, proxy.authority()),
        None => format!("{}:{}", url.host, url.port),
    }
}

fn via(proxy: &Proxy) -> Via {
    let told = proxy.credential.as_ref().map(ExposeSecret::expose_secret);
    // The configuration made it of base64: it fits into a header.
    let mut authorization = told.and_then(|told| HeaderValue::from_str(told).ok());
    if let Some(authorization) = &mut authorization {
        authorization.set_sensitive(true);
    }
    Via { host: proxy.host.clone(), port: proxy.port, authorization }
}
