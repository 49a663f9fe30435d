//! The checkers of others, each of which sees what the others do not: the linter checks properties, the translator SAM's events.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use emulator::Tools;

fn tools() -> Tools {
    Tools::ensure(&|_line| ()).unwrap()
}

#[test]
fn sam_finds_the_template_valid_and_has_no_findings() {
    let tools = tools();
    for lint in [None, Some("--lint")] {
        let args = ["validate", "--region", base::aws::REGION]
            .into_iter()
            .chain(lint);
        template::run(&tools, &tools.sam(), args).unwrap();
    }
}

#[test]
fn cfn_lint_has_no_findings_in_the_template_nor_in_what_it_translates_to() {
    let tools = tools();
    let translated = base::paths::checkout().join("target/template-tests/translated.json");
    std::fs::create_dir_all(translated.parent().unwrap()).unwrap();
    std::fs::write(&translated, template::translated(&tools).unwrap().to_string()).unwrap();
    for path in [template::source(), translated] {
        template::run(&tools, &tools.cfn_lint(), [path]).unwrap();
    }
}
