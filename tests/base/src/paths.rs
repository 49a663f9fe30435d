//! Where the checkout, the caches and a world's files are.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .components()
        .collect::<PathBuf>()
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")))
}

/// Where slow builds are kept between checkouts: `$XDG_CACHE_HOME/lamplighter` or
/// `~/.cache/lamplighter`. Everything below it is keyed by version, so it never needs to be cleared.
pub fn cache() -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    home.join("lamplighter")
}

/// The directory of one world, named for its first port: `target/world` for the default one, so that
/// its `env` file has a name that can be typed, and `target/world-<port>` for others.
pub fn world(ports: &crate::Ports) -> PathBuf {
    let target = checkout().join("target");
    if ports.base() == crate::ports::DEFAULT_BASE {
        target.join("world")
    } else {
        target.join(format!("world-{}", ports.base()))
    }
}
