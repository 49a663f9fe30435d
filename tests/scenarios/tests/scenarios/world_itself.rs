//! The world keeps to itself.

use anyhow::Result;
use scenarios::Stage;

use crate::ensure;

/// Reads the kernel's tables, so it sees listeners of every process of the machine; those of the world are
/// known by their ports.
pub(crate) async fn nothing_listens_beyond_the_loopback_address(stage: &Stage) -> Result<()> {
    let ports: Vec<u16> = stage
        .world
        .ports()
        .all()
        .into_iter()
        .map(|(_, port)| port)
        .collect();
    let mut seen = 0;
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(table)?.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, port) = fields[1].rsplit_once(':').unwrap_or_default();
            let (listens, port) = (fields[3] == "0A", u16::from_str_radix(port, 16)?);
            if !listens || !ports.contains(&port) {
                continue;
            }
            seen += 1;
            let loopback = [
                "0100007F",
                "00000000000000000000000001000000",
                "0000000000000000FFFF00000100007F",
            ];
            ensure(loopback.contains(&address), || {
                format!("port {port} listens on {address}")
            })?;
        }
    }
    // All but the port at which EKS clusters are only believed to be.
    ensure(seen >= ports.len() - 1, || {
        format!("{seen} of {} ports listen", ports.len())
    })
}
