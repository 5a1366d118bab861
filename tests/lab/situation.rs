//! The situations: each is a world, and the cause that a right verdict about it has.
//!
//! **Invariant:** every one of them has a row: its name, the causes that a right verdict may have (the
//! best first), and its plan. The build fails on one that lacks a cell.

mod fine;
mod me;
mod path;
mod them;

use anyhow::Result;
use monitor::Cause;

use super::stage::{Plan, Stage};

/// Makes the enum, the list, and what the cells say, of one table.
macro_rules! situations {
    ($($(#[$doc:meta])* $name:ident $word:literal [$($cause:ident)+] $of:ident::$plan:ident;)*) => {
        /// What a prober may find itself in.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Situation {
            $($(#[$doc])* $name,)*
        }

        impl Situation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as it is written on a command line.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The causes that a right verdict may have, the best first.
            pub fn causes(self) -> &'static [Cause] {
                match self {
                    $(Self::$name => &[$(Cause::$cause),+],)*
                }
            }

            /// What it is made of.
            pub fn plan(self) -> Plan {
                match self {
                    $(Self::$name => $of::$plan(),)*
                }
            }
        }
    };
}

situations! {
    /// All is well.
    Healthy "healthy" [Fine] fine::healthy;
    /// All is well, and one real answer is asked for.
    HealthyAnswering "healthy-answering" [Fine] fine::healthy_answering;
    /// Every resolver names other addresses, and all of them are the provider's.
    GeoDns "geo-dns" [Fine] fine::geo_dns;
    /// Answers over UDP are cut short, and those over TCP whole.
    Truncated "truncated" [Fine] fine::truncated;
    /// The names are signed, and rightly.
    Signed "signed" [Fine] fine::signed;
    /// The provider is behind an open proxy.
    ProxyOpen "proxy-open" [Fine] fine::proxy_open;
    /// No interface is up.
    LinkDown "link-down" [Link] me::link_down;
    /// An interface is up, and nobody is reached.
    LinkDeaf "link-deaf" [Link] me::link_deaf;
    /// A login page: browsers are sent there.
    PortalRedirects "portal-redirects" [CaptivePortal] me::portal_redirects;
    /// A login page in the place of every other.
    PortalSpeaks "portal-speaks" [CaptivePortal] me::portal_speaks;
    /// The resolver does not answer.
    ResolverSilent "resolver-silent" [Resolver] me::resolver_silent;
    /// The resolver fails for every name.
    ResolverFails "resolver-fails" [Resolver] me::resolver_fails;
    /// The resolver says that there is no such name.
    ResolverDenies "resolver-denies" [Resolver] me::resolver_denies;
    /// The resolver names 0.0.0.0.
    ResolverSinks "resolver-sinks" [Resolver] me::resolver_sinks;
    /// The resolver says that it censors the name.
    ResolverCensors "resolver-censors" [Resolver] me::resolver_censors;
    /// A line of the hosts file names this machine.
    HostsLoopback "hosts-loopback" [HostsOverride] me::hosts_loopback;
    /// A line of the hosts file names somebody else.
    HostsForeign "hosts-foreign" [HostsOverride] me::hosts_foreign;
    /// The second of two lines of the hosts file, with several names, tabs and a comment.
    HostsSecond "hosts-second" [HostsOverride] me::hosts_second;
    /// A line of the hosts file in capitals.
    HostsCapitals "hosts-capitals" [HostsOverride] me::hosts_capitals;
    /// A line of the hosts file over IPv6.
    HostsIpv6 "hosts-ipv6" [HostsOverride] me::hosts_ipv6;
    /// The resolver on this machine remembers an address that is dead.
    StubStale "stub-stale" [StaleCache] me::stub_stale;
    /// Our clock shows a year before the certificates.
    ClockBehind "clock-behind" [Clock] me::clock_behind;
    /// Our clock shows a year behind them.
    ClockAhead "clock-ahead" [Clock] me::clock_ahead;
    /// The proxy wants a password.
    ProxyWantsPassword "proxy-wants-password" [Proxy] me::proxy_wants_password;
    /// The proxy forbids the host.
    ProxyForbids "proxy-forbids" [Proxy] me::proxy_forbids;
    /// Nobody listens where the proxy should.
    ProxyDead "proxy-dead" [Proxy] me::proxy_dead;
    /// The proxy never answers.
    ProxySilent "proxy-silent" [Proxy] me::proxy_silent;
    /// TLS is inspected by somebody whom this machine does not know.
    Inspected "inspected" [TlsInspection] me::inspected;
    /// There is no key.
    KeyMissing "key-missing" [Key] me::key_missing;
    /// The key is refused.
    KeyRefused "key-refused" [Key] me::key_refused;
    /// The account has no credit.
    Quota "quota" [Quota] me::quota;
    /// We asked more than we may.
    RateLimited "rate-limited" [Quota] me::rate_limited;
    /// The base URL names a host that does not exist.
    BaseElsewhere "base-elsewhere" [Config] me::base_elsewhere;
    /// IPv6 leads into a hole.
    Ipv6Silent "ipv6-silent" [Ipv6] path::ipv6_silent;
    /// There is no way over IPv6, though names have such addresses.
    Ipv6Unreachable "ipv6-unreachable" [Ipv6] path::ipv6_unreachable;
    /// Large first messages of TLS are lost on the way.
    LargeLost "large-lost" [Middlebox] path::large_lost;
    /// The first message of TLS is answered with the end of the connection.
    HelloCut "hello-cut" [Middlebox] path::hello_cut;
    /// Their addresses time out, and everybody else is reached: from one place nobody can tell whose fault
    /// that is.
    RouteSilent "route-silent" [Route Down Unknown] path::route_silent;
    /// The resolver names somebody else, who shows a certificate of nobody.
    Spoofed "spoofed" [Interception] path::spoofed;
    /// The names are signed, and the resolver names somebody else all the same.
    Tampered "tampered" [Interception] path::tampered;
    /// At their own addresses somebody shows a certificate that vouches for itself.
    SelfSigned "self-signed" [Interception] path::self_signed;
    /// Their name servers cannot be reached, every resolver says.
    TheirDnsUnreachable "their-dns-unreachable" [TheirDns] them::their_dns_unreachable;
    /// Their signatures do not hold, every resolver says.
    TheirDnsBogus "their-dns-bogus" [TheirDns] them::their_dns_bogus;
    /// Their name has no address.
    TheirDnsEmpty "their-dns-empty" [TheirDns] them::their_dns_empty;
    /// Their name does not exist, every resolver says.
    TheirDnsGone "their-dns-gone" [TheirDns] them::their_dns_gone;
    /// Their certificate has ended.
    CertExpired "cert-expired" [TheirTls] them::cert_expired;
    /// Their certificate is for another host. Where no authority is public, as between namespaces, it says
    /// nothing of them.
    CertWrongHost "cert-wrong-host" [TheirTls Middlebox] them::cert_wrong_host;
    /// They refuse connections, and their page says that they are down.
    Refusing "refusing" [Down Route] them::refusing;
    /// A front says that nobody answers behind it.
    OriginDown "origin-down" [Down] them::origin_down;
    /// They fail with 500.
    Failing "failing" [Down] them::failing;
    /// They are overloaded.
    Overloaded "overloaded" [Overloaded] them::overloaded;
    /// They shed load, and say when to come again.
    Shedding "shedding" [Overloaded] them::shedding;
    /// They limit, and not us.
    Capacity "capacity" [Overloaded] them::capacity;
    /// Lists are well, and answers begin and stall.
    Stalled "stalled" [Stalled] them::stalled;
    /// Lists are well, and the model is unknown.
    ModelGone "model-gone" [Model Config] them::model_gone;
}

// === impl Situation ===

impl Situation {
    /// Starts it.
    pub async fn raise(self) -> Result<Stage> {
        Stage::raise(self.plan()).await
    }
}
