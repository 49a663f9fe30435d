//! The files of `infra/node/` themselves.

use std::path::PathBuf;
use std::process::Command;

use emulator::Tools;

fn file(name: &str) -> PathBuf {
    base::paths::checkout().join("infra/node").join(name)
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    let tools = Tools::ensure(&|_| ()).unwrap();
    let output = Command::new(tools.shellcheck())
        .args([
            "--shell",
            "sh",
            "--enable",
            "all",
            "--exclude",
            "SC2250,SC2310,SC2312",
        ])
        .args(["lamplighter-join.sh", "user-data.sh"].map(file))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn the_unit_runs_at_every_boot_and_keeps_the_token_off_the_disk() {
    let unit = std::fs::read_to_string(file("lamplighter-join.service")).unwrap();
    for line in [
        "Type=oneshot",
        "After=network-online.target containerd.service",
        "RuntimeDirectory=lamplighter",
        "RuntimeDirectoryMode=0700",
        "UMask=0077",
        "WantedBy=multi-user.target",
    ] {
        assert!(unit.lines().any(|one| one == line), "{line}");
    }
    let script = std::fs::read_to_string(file("lamplighter-join.sh")).unwrap();
    assert!(script.contains("${LAMPLIGHTER_RUN_DIR:-/run/lamplighter}"));
}

/// Reads user data as cloud-init does: YAML, and the files in it unpacked.
const UNPACK: &str = "
import base64, gzip, json, sys, yaml
files = yaml.safe_load(sys.stdin.buffer)['write_files']
unpack = lambda one: gzip.decompress(base64.b64decode(one['content'])).decode() if 'encoding' in one else one['content']
json.dump({one['path']: unpack(one) for one in files}, sys.stdout)
";

#[test]
fn user_data_brings_script_and_unit_along_and_is_small_enough() {
    let tools = Tools::ensure(&|_| ()).unwrap();
    let user_data = Command::new(file("user-data.sh"))
        .arg("demo")
        .output()
        .unwrap()
        .stdout;
    assert!(
        user_data.starts_with(b"#cloud-config\n") && user_data.len() < 16 * 1024,
        "{}",
        user_data.len()
    );
    let path = std::env::temp_dir().join(format!("lamplighter-user-data-{}", std::process::id()));
    std::fs::write(&path, &user_data).unwrap();
    let output = Command::new(tools.python())
        .args(["-c", UNPACK])
        .stdin(std::fs::File::open(&path).unwrap())
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let files: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name| std::fs::read_to_string(file(name)).unwrap();
    assert_eq!(files["/etc/lamplighter/join.env"], "LAMPLIGHTER_CLUSTER=demo\n");
    assert_eq!(
        files["/usr/local/sbin/lamplighter-join"],
        text("lamplighter-join.sh")
    );
    assert_eq!(
        files["/etc/systemd/system/lamplighter-join.service"],
        text("lamplighter-join.service")
    );
}
