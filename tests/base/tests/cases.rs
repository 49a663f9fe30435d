//! `tests/cases*.md` say which test proves which acceptance case: each of them must be there.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use base::paths;

/// What the first version of the join and of labels has to prove.
const REQUIRED: [u32; 36] = [
    1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 15, 16, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34,
    35, 36, 37, 39, 40, 41, 44, 51,
];

/// What the first version of off-hours has to prove.
const REQUIRED_OF_OFF_HOURS: [u32; 23] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 22, 23, 25, 26, 28, 29, 30, 31,
];

/// What the first version of image-deploy has to prove.
const REQUIRED_OF_IMAGES: [u32; 28] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 27, 28, 29, 32, 33,
];

/// What pull-secret has to prove.
const REQUIRED_OF_PULL_SECRET: [u32; 6] = [45, 46, 47, 48, 49, 50];

#[test]
fn every_case_of_the_join_and_of_labels_names_tests_that_are_there() {
    check("tests/cases.md", &REQUIRED);
}

#[test]
fn every_case_of_off_hours_names_tests_that_are_there() {
    check("tests/cases-off-hours.md", &REQUIRED_OF_OFF_HOURS);
}

#[test]
fn every_case_of_image_deploy_names_tests_that_are_there() {
    check("tests/cases-images.md", &REQUIRED_OF_IMAGES);
}

#[test]
fn every_case_of_pull_secret_names_tests_that_are_there() {
    check("tests/cases-pull-secret.md", &REQUIRED_OF_PULL_SECRET);
}

fn check(table: &str, required: &[u32]) {
    let table = std::fs::read_to_string(paths::checkout().join(table)).unwrap();
    let mut proven = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, case, _, tests, _] = cells.as_slice() else {
            panic!("expected three columns: {row}")
        };
        let tests: Vec<&str> = tests.split("<br>").collect();
        for test in tests {
            let names: Vec<&str> = test.split('`').filter(|name| !name.trim().is_empty()).collect();
            let [file, name] = names.as_slice() else {
                panic!("case {case}: expected a file and a function: {test}")
            };
            let source = std::fs::read_to_string(paths::checkout().join(file));
            let source = source.unwrap_or_else(|error| panic!("case {case}: {file}: {error}"));
            assert!(
                source.contains(&format!("fn {name}(")),
                "case {case}: {file} has no {name}"
            );
        }
        proven.insert(case.parse::<u32>().unwrap());
    }
    let missing: Vec<u32> = required
        .iter()
        .copied()
        .filter(|case| !proven.contains(case))
        .collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}
