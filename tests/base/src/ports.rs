//! The one place that says which part of the world listens where. Everything is on 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};

/// First port of a world unless `--port-base` says otherwise: below Linux's ephemeral range (32768 and
/// up), so that no outgoing connection can sit on it.
pub const DEFAULT_BASE: u16 = 14_500;

/// How many ports a world takes, and thus how far apart the bases of two worlds must be.
pub const SPAN: u16 = 20;

/// The ports of one world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    base: u16,
}

macro_rules! ports {
    ($($(#[$doc:meta])* $name:ident = $offset:literal;)*) => {
        impl Ports {
            $($(#[$doc])* pub const fn $name(self) -> u16 { self.base + $offset })*

            /// Every port with the name of what listens on it, for `world status` and for the check
            /// that nothing else is there already.
            pub fn all(self) -> Vec<(&'static str, u16)> {
                vec![$((stringify!($name), self.base + $offset)),*]
            }
        }
    };
}

ports! {
    /// The AWS emulator: every service but the ones below.
    aws = 0;
    /// The Auto Scaling Query API.
    autoscaling = 1;
    /// The EKS API, in front of the emulator's.
    eks = 2;
    /// The world's own control API: faults of the relay, spot interruptions, the event log.
    control = 3;
    /// The instance metadata of all machines.
    metadata = 4;
    /// etcd, clients.
    etcd = 5;
    /// etcd, peers.
    etcd_peer = 6;
    /// kube-apiserver.
    kubernetes = 7;
    /// kube-controller-manager's own endpoint.
    controller_manager = 8;
    /// kube-scheduler's own endpoint.
    scheduler = 9;
    /// KWOK's own endpoint.
    kwok = 10;
    /// The `TokenReview` webhook.
    webhook = 11;
    /// Where the emulator believes that EKS clusters listen; nothing is there.
    eks_clusters = 12;
}

impl Ports {
    /// The ports from `base` on.
    pub const fn new(base: u16) -> Self {
        Self { base }
    }

    /// The first port.
    pub const fn base(self) -> u16 {
        self.base
    }

    /// `port` on the loopback address, the only one that a world listens on.
    pub const fn address(port: u16) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    /// `http://127.0.0.1:port`.
    pub fn http(port: u16) -> String {
        format!("http://127.0.0.1:{port}")
    }

    /// The ports that something already listens on, with the name of the part that wanted them.
    pub fn taken(self) -> Vec<(&'static str, u16)> {
        let free = |port| std::net::TcpListener::bind(Self::address(port)).is_ok();
        self.all().into_iter().filter(|&(_, port)| !free(port)).collect()
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self::new(DEFAULT_BASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_parts_share_a_port_and_all_fit_in_the_span() {
        let all = Ports::default().all();
        let mut seen: Vec<u16> = all.iter().map(|&(_, port)| port).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all.len());
        assert!(
            seen.iter()
                .all(|port| (DEFAULT_BASE..DEFAULT_BASE + SPAN).contains(port))
        );
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_named() {
        let listener = std::net::TcpListener::bind(Ports::address(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Ports::new(port).taken().contains(&("aws", port)));
    }
}
