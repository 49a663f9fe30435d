//! What KWOK does with nodes and pods, in one file of several documents.
//!
//! The documents are templates: these words in them stand for what is said once here, for all stages.
//!
//! | word | stands for | is |
//! | --- | --- | --- |
//! | `FAILURE_OF_POD` | how it fails, by annotation or image; `nothing` if it does not | jq, a string |
//! | `FAILURE_STATE` | what its failing container does: `none`, `running`, `ended-first`, `ended`, or why it waits | jq, a string |
//! | `FAILING_IMAGE` | finds the image of a container that fails | a regular expression |
//! | `EXEC_FORMAT`, `UNAUTHORISED`, `FORBIDDEN` | finds an image, or a value of the annotation, of that failure | the same |
//! | `ANNOTATIONS` | makes `$fails` and `$resolved` of the pod's annotations | a Go template |
//! | `IMAGE_ID` | the image of a container as a kubelet reports it once it was pulled | a Go template |

use crate::annotations::{FAILS, RESOLVES_TO};
use crate::failures::Failure;

const DOCUMENTS: [&str; 15] = [
    include_str!("../kwok/configuration.yaml"),
    include_str!("../kwok/node-register.yaml"),
    include_str!("../kwok/node-heartbeat.yaml"),
    include_str!("../kwok/pod-start.yaml"),
    include_str!("../kwok/pod-ready.yaml"),
    include_str!("../kwok/pod-complete.yaml"),
    include_str!("../kwok/pod-stop.yaml"),
    include_str!("../kwok/pod-create.yaml"),
    include_str!("../kwok/pod-pull-fails.yaml"),
    include_str!("../kwok/pod-pull-backs-off.yaml"),
    include_str!("../kwok/pod-config-error.yaml"),
    include_str!("../kwok/pod-start-fails.yaml"),
    include_str!("../kwok/pod-crash.yaml"),
    include_str!("../kwok/pod-restart.yaml"),
    include_str!("../kwok/pod-back-off.yaml"),
];

/// KWOK's configuration.
pub(crate) fn configuration() -> String {
    DOCUMENTS
        .join("---\n")
        .replace("FAILURE_OF_POD", &failure_of_pod())
        .replace("FAILURE_STATE", &failure_state())
        .replace("FAILING_IMAGE", &failing_image())
        .replace("EXEC_FORMAT", &tells(Failure::ExecFormat))
        .replace("UNAUTHORISED", &tells(Failure::ImageUnauthorised))
        .replace("FORBIDDEN", &tells(Failure::ImageForbidden))
        .replace("ANNOTATIONS", &annotations())
        .replace("IMAGE_ID", IMAGE_ID)
}

fn failure_of_pod() -> String {
    let tests: Vec<String> = Failure::ALL
        .into_iter()
        .map(|failure| format!("if test({:?}) then {:?} else ", failure.pattern(), failure.word()))
        .collect();
    let ends = " end".repeat(tests.len());
    format!(
        "(.metadata.annotations[{FAILS:?}] // ([.spec.containers[].image | {}empty{ends}] | first) // \"nothing\")",
        tests.concat()
    )
}

fn failure_state() -> String {
    format!(
        "(.metadata.annotations[{FAILS:?}] as $all \
         | [.status.containerStatuses[]? | select($all != null or (.image | test({:?})))] | first \
         | if . == null then \"none\" \
         elif .state.running != null then \"running\" \
         elif .state.terminated != null then (if .restartCount == 0 then \"ended-first\" else \"ended\" end) \
         else (.state.waiting.reason // \"none\") end)",
        failing_image()
    )
}

fn failing_image() -> String {
    Failure::ALL.map(Failure::pattern).join("|")
}

fn tells(failure: Failure) -> String {
    format!("^{}$|{}", failure.word(), failure.pattern())
}

fn annotations() -> String {
    let get = |name: &str, key: &str| {
        format!("{{{{ ${name} := dig \"metadata\" \"annotations\" {key:?} \"\" . }}}}")
    };
    format!("{}{}", get("fails", FAILS), get("resolved", RESOLVES_TO))
}

/// Repository and digest. Where the image names no digest, only the annotation can tell which one the tag had.
const IMAGE_ID: &str = "{{ if contains \"@\" .image }}{{ regexReplaceAll \"(:[^/@]*)?@\" .image \"@\" | Quote }}\
    {{ else if $resolved }}{{ printf \"%s@%s\" (regexReplaceAll \":[^/:]*$\" .image \"\") $resolved | Quote }}\
    {{ else }}\"\"{{ end }}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_that_stands_for_something_is_left() {
        let configuration = configuration();
        for word in [
            "FAILURE_OF_POD",
            "FAILURE_STATE",
            "FAILING_IMAGE",
            "EXEC_FORMAT",
            "UNAUTHORISED",
            "FORBIDDEN",
            "ANNOTATIONS",
            "IMAGE_ID",
        ] {
            assert!(DOCUMENTS.join("").contains(word), "{word} is not used");
            assert!(!configuration.contains(word), "{word} is left");
        }
    }
}
