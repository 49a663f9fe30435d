//! The invariants, on texts of chance: some of any characters, most of what people would write.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::invariants::check;

const POLICIES: [&str; 14] = [
    "major",
    "minor",
    "patch",
    "all",
    "semver:>=1.0.0-0",
    "semver:1.x || ~2.1",
    "semver:*",
    "digest",
    "newest-pushed",
    "numerical",
    "numerical:desc",
    "alphabetical",
    "alphabetical:desc",
    "newest",
];

/// filter-tags and extract.
const FILTERS: [(&str, &str); 7] = [
    ("", ""),
    ("", ""),
    ("", ""),
    ("^(v|main-)?(?P<n>.*)$", "$n"),
    (r"^\D*(\d+)", "$1"),
    ("1", ""),
    ("^(?P<a>[a-z]*)-?(?P<b>.*)$", "${b}.$a"),
];

const LISTS: [&str; 6] = ["", "", "", "*", "1.*,main-?", "regexp:^v|0"];

fn tag() -> impl Strategy<Value = String> {
    let part = select(vec![
        "0",
        "1",
        "2",
        "9",
        "10",
        "01",
        "99999999999999999999",
        "1.2",
        "rc",
        "a",
        "B",
    ]);
    let between = select(vec![".", ".", ".", "-", "-", "_", ""]);
    let assembled =
        (select(vec!["", "", "v", "main-"]), vec((part, between), 1..5)).prop_map(|(prefix, parts)| {
            let mut text = prefix.to_owned();
            for (at, (part, between)) in parts.iter().enumerate() {
                if at > 0 {
                    text.push_str(between);
                }
                text.push_str(part);
            }
            text
        });
    let known = select(vec![
        "latest",
        "1.2.3",
        "v1.2.3",
        "1.2",
        "1.2.4",
        "1.3.0-rc.1",
        "2.0.0",
        "main-9",
        "main-20",
        "20260101",
    ]);
    prop_oneof![3 => assembled, 3 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// A line of what runs or of a candidate.
fn line() -> impl Strategy<Value = String> {
    let digit = select(vec!["1", "2", "3", "-"]);
    let time = select(vec!["10", "20", "30", "-"]);
    let word = select(vec!["", "", "", "", "b", "o"]);
    (tag(), digit, time, word).prop_map(|(tag, digit, time, word)| format!("{tag} {digit} {time} {word}"))
}

fn plausible() -> impl Strategy<Value = String> {
    let runs = prop_oneof![1 => Just(String::new()), 6 => line()];
    (
        select(POLICIES.to_vec()),
        select(FILTERS.to_vec()),
        select(LISTS.to_vec()),
        select(LISTS.to_vec()),
        runs,
        vec(line(), 0..9),
    )
        .prop_map(|(policy, (filter, extract), allow, ignore, runs, candidates)| {
            let head = [policy, filter, extract, allow, ignore, &runs].join("\n");
            [head, candidates.join("\n")].join("\n")
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn case_31_no_text_makes_anything_panic(text in any::<String>(), lines in vec(any::<String>(), 0..12)) {
        check(&text);
        check(&lines.join("\n"));
    }

    #[test]
    fn every_choice_moves_forward_once_and_whatever_the_order(text in plausible()) {
        check(&text);
    }
}

#[test]
fn texts_that_once_broke_something_break_nothing_any_more() {
    for text in [
        "alphabetical\n\n\n\n\na\nlatest\nb",
        "newest-pushed\n\n\n\n\nv1 1 10\nv1 1 90\nv2 2 30",
        "numerical\n^(.*)$\n$1\n\n\nlatest\nv1\n1v",
        "semver:>=1 -2\n\n\n\n\n1.0\n1.0.0",
        "major\n(\n$\n[\nregexp:\n+\n",
    ] {
        check(text);
    }
}
