//! The one Go program that is the whole control plane: built from `tests/control-plane` once, then found in the cache
//! under the versions that went into it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base::paths;
use tokio::process::{Child, Command};

/// What Kubernetes 1.36 needs to be compiled.
const OLDEST_GO: (u32, u32) = (1, 26);

/// The modules whose versions name the program, with the short name of each.
const NAMED: [(&str, &str); 3] = [
    ("kubernetes", "k8s.io/kubernetes"),
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kwok", "sigs.k8s.io/kwok"),
];

/// How often a build says that it is still there.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What the program is built from, and thus where it is kept.
#[derive(Debug, Clone)]
struct Source {
    dir: PathBuf,
    /// `v1.36.2`.
    kubernetes: String,
    key: String,
}

impl Source {
    fn read(dir: &Path) -> Result<Self> {
        let go_mod = fs::read_to_string(dir.join("go.mod"))
            .with_context(|| format!("reading go.mod of {}", dir.display()))?;
        let versions = NAMED.map(|(_, module)| required_version(&go_mod, module));
        let mut parts = Vec::new();
        for ((name, module), version) in NAMED.iter().zip(&versions) {
            let version = version.with_context(|| format!("go.mod requires no {module}"))?;
            parts.push(format!("{name}-{}", version.trim_start_matches('v')));
        }
        parts.push(format!("{:016x}", hash_of(dir)?));
        let kubernetes = versions[0].unwrap_or_default().to_owned();
        Ok(Self {
            dir: dir.to_owned(),
            kubernetes,
            key: parts.join("-"),
        })
    }

    fn ours() -> Result<Self> {
        Self::read(&paths::checkout().join("tests/control-plane"))
    }

    fn home(&self) -> PathBuf {
        paths::cache().join("control-plane").join(&self.key)
    }

    fn program(&self) -> PathBuf {
        self.home().join("control-plane")
    }

    /// Linker flags: no symbols, and the version that the API server tells its clients.
    fn ldflags(&self) -> String {
        const PACKAGE: &str = "k8s.io/component-base/version";
        let version = &self.kubernetes;
        let mut numbers = version.trim_start_matches('v').split('.');
        let (major, minor) = (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        format!(
            "-s -w -X {PACKAGE}.gitVersion={version} -X {PACKAGE}.gitMajor={major} -X {PACKAGE}.gitMinor={minor}"
        )
    }
}

/// The version in a `require` line of a go.mod.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next()? == module).then(|| words.next())?
    })
}

/// A number for everything that is compiled: the Go files and the pins of every module. A Rust that hashes
/// otherwise means one more build, no more.
fn hash_of(dir: &Path) -> Result<u64> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|ext| ext == "go" || ext == "mod" || ext == "sum")
    });
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.file_name().hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The program, if it has been built already.
pub fn cached() -> Result<Option<PathBuf>> {
    let program = Source::ours()?.program();
    Ok(program.is_file().then_some(program))
}

/// The program, built with the `go` command at `go` unless it is in the cache. A build takes about five
/// minutes on two cores; `progress` gets a line every few seconds. One build runs at a time, and whoever comes
/// second waits for it.
pub async fn build(go: &Path, progress: &mut (dyn FnMut(&str) + Send)) -> Result<PathBuf> {
    let source = Source::ours()?;
    let program = source.program();
    if program.is_file() {
        return Ok(program);
    }
    check_version(go).await?;
    fs::create_dir_all(source.home())?;
    let _lock = lock(&source.home().join("lock"), progress).await?;
    if !program.is_file() {
        compile(go, &source, progress).await?;
    }
    Ok(program)
}

/// Makes `<dir>/kubectl`: the program is kubectl when it is called so.
pub fn link_kubectl(program: &Path, dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let link = dir.join("kubectl");
    match fs::remove_file(&link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::os::unix::fs::symlink(program, &link).with_context(|| format!("linking {}", link.display()))?;
    Ok(link)
}

async fn check_version(go: &Path) -> Result<()> {
    let output = Command::new(go)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .await
        .with_context(|| {
            format!(
                "running {}: the control plane is built with Go 1.26 or newer",
                go.display()
            )
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = parse_version(&text)
        .with_context(|| format!("{} does not say its version: {}", go.display(), text.trim()))?;
    ensure!(
        version >= OLDEST_GO,
        "{} is Go {}.{}, and the control plane is built with {}.{} or newer",
        go.display(),
        version.0,
        version.1,
        OLDEST_GO.0,
        OLDEST_GO.1
    );
    Ok(())
}

/// `go version go1.26.8 linux/amd64` -> (1, 26).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("go1."))?;
    let minor: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((1, minor.parse().ok()?))
}

/// The right to build, held until it is dropped.
async fn lock(path: &Path, progress: &mut (dyn FnMut(&str) + Send)) -> Result<File> {
    let file = File::create(path)?;
    let mut told = false;
    while let Err(error) = file.try_lock() {
        if let fs::TryLockError::Error(error) = error {
            return Err(error).with_context(|| format!("locking {}", path.display()));
        }
        if !told {
            progress("waiting for somebody else's build of the Kubernetes control plane");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(file)
}

async fn compile(go: &Path, source: &Source, progress: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
    let home = source.home();
    let (log, cache, new) = (
        home.join("build.log"),
        home.join("go-cache"),
        home.join("control-plane.new"),
    );
    let child = Command::new(go)
        .args([
            "build",
            "-v",
            "-mod=readonly",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags",
            &source.ldflags(),
        ])
        .arg("-o")
        .arg(&new)
        .arg(".")
        .current_dir(&source.dir)
        .env("CGO_ENABLED", "0")
        .env("GOCACHE", &cache)
        .env("GOFLAGS", "")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", go.display()))?;
    let built = watch(child, &log, progress).await;
    // Several gigabytes that nobody needs again: the program is cached whole.
    let swept = fs::remove_dir_all(&cache);
    built?;
    swept.with_context(|| format!("removing {}", cache.display()))?;
    fs::rename(&new, source.program())?;
    Ok(())
}

async fn watch(mut child: Child, log: &Path, progress: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
    let started = Instant::now();
    loop {
        match tokio::time::timeout(PROGRESS_EVERY, child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => break,
            Ok(status) => bail!(
                "building the control plane failed ({}); the end of {}:{}",
                status?,
                log.display(),
                base::process::tail(log)
            ),
            Err(_) => {
                // `go build -v` names every package that it compiles, and every module that it fetches.
                let steps = fs::read_to_string(log).unwrap_or_default().lines().count();
                progress(&format!(
                    "building the Kubernetes control plane, once: {} s, {steps} packages",
                    started.elapsed().as_secs()
                ));
            }
        }
    }
    progress(&format!(
        "built the Kubernetes control plane in {} s",
        started.elapsed().as_secs()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_names_the_versions_and_changes_with_any_source() {
        let dir = std::env::temp_dir().join(format!("lamplighter-binary-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let go_mod = "require (\n\tk8s.io/kubernetes v1.36.2\n\tgo.etcd.io/etcd/server/v3 v3.6.8\n)\nrequire sigs.k8s.io/kwok v0.8.0\n";
        fs::write(dir.join("go.mod"), go_mod).unwrap();
        fs::write(dir.join("main.go"), "package main").unwrap();
        let first = Source::read(&dir).unwrap();
        assert!(
            first.key.starts_with("kubernetes-1.36.2-etcd-3.6.8-kwok-0.8.0-"),
            "{}",
            first.key
        );
        assert!(first.ldflags().contains("gitVersion=v1.36.2") && first.ldflags().contains("gitMinor=36"));
        fs::write(dir.join("main.go"), "package main // changed").unwrap();
        assert_ne!(first.key, Source::read(&dir).unwrap().key);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(parse_version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(parse_version("go version go1.9rc1 linux/amd64"), Some((1, 9)));
        assert_eq!(parse_version("command not found"), None);
    }

    #[tokio::test]
    async fn an_old_go_is_refused_and_a_missing_one_is_named() {
        let dir = std::env::temp_dir().join(format!("lamplighter-go-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let old = dir.join("go");
        fs::write(&old, "#!/bin/sh\necho go version go1.25.3 linux/amd64\n").unwrap();
        fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = check_version(&old).await.unwrap_err().to_string();
        assert!(
            error.contains("is Go 1.25") && error.contains("1.26 or newer"),
            "{error}"
        );
        let error = check_version(&dir.join("no-go")).await.unwrap_err().to_string();
        assert!(error.contains("no-go") && error.contains("1.26"), "{error}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
