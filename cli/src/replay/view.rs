//! What the functions made of an event, for people and for scripts.

use function::Failed;
use serde::Serialize;
use serde_json::Value;

use crate::table::Table;

/// A replayed event. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replay {
    /// Whether anything was done, and not only said.
    pub(super) applied: bool,
    /// Each function that took it.
    pub(super) runs: Vec<Run>,
}

/// What one function made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    function: &'static str,
    /// Its plans, in the order in which it made them.
    plans: Vec<Planned>,
    /// What went wrong, by its log and its answer.
    errors: Vec<String>,
    /// What it answered to Lambda.
    answer: Value,
}

/// A plan for one instance, or for everything, by the function's own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Planned {
    instance: String,
    node: String,
    plan: String,
}

impl Replay {
    /// Nothing was run yet.
    pub(super) const fn new(applied: bool) -> Self {
        Self {
            applied,
            runs: Vec::new(),
        }
    }

    /// Whether something went wrong.
    pub(super) fn needs_attention(&self) -> bool {
        self.runs.iter().any(|run| !run.errors.is_empty())
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let parts: Vec<String> = self.runs.iter().map(|run| run.table(self.applied)).collect();
        parts.join("\n")
    }
}

impl Run {
    /// By what the function answered and logged.
    pub(super) fn new(function: &'static str, answer: Result<Value, Failed>, lines: &[String]) -> Self {
        let lines: Vec<Value> = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let mut errors: Vec<String> = lines.iter().filter_map(error).collect();
        let answer = answer.unwrap_or_else(|failed| {
            // As a rule the log has told it, and of what.
            if !errors.iter().any(|error| error.ends_with(&failed.message)) {
                errors.push(failed.message);
            }
            Value::Null
        });
        let failures: u64 = lines.iter().filter_map(|line| line["Failures"].as_u64()).sum();
        if failures > 0 && errors.is_empty() {
            errors.push(format!("{failures} failures, by its metrics; the log says more"));
        }
        errors.dedup();
        Self {
            function,
            plans: lines.iter().filter_map(planned).collect(),
            errors,
            answer,
        }
    }

    fn table(&self, applied: bool) -> String {
        let how = if applied { "applied" } else { "dry run" };
        let plans = match (self.plans.as_slice(), self.errors.as_slice()) {
            ([], []) => ": nothing to do\n".to_owned(),
            ([], _) => ": it came to no plan\n".to_owned(),
            (plans, _) if plans.iter().all(Planned::is_of_everything) => {
                let lines = plans.iter().flat_map(|planned| planned.plan.split("; "));
                let lines: Vec<String> = lines.map(|line| format!("    {line}\n")).collect();
                format!("\n{}", lines.concat())
            }
            (plans, _) => format!("\n{}", by_instance(plans)),
        };
        let errors: Vec<String> = self.errors.iter().map(|error| format!("! {error}\n")).collect();
        format!("{} ({how}){plans}{}", self.function, errors.concat())
    }
}

impl Planned {
    /// Whether it is for no instance, but for all that there is.
    const fn is_of_everything(&self) -> bool {
        self.instance.is_empty() && self.node.is_empty()
    }
}

fn by_instance(plans: &[Planned]) -> String {
    let mut table = Table::new(["INSTANCE", "NODE", "PLAN"]);
    for planned in plans {
        let mut steps = planned.plan.split("; ");
        let first = steps.next().unwrap_or_default().to_owned();
        table.row([planned.instance.clone(), planned.node.clone(), first]);
        for step in steps {
            table.note(step);
        }
    }
    table.render()
}

/// The plan in a line of the log. The span around it says for which instance.
fn planned(line: &Value) -> Option<Planned> {
    let text = |field: &str| line[field].as_str().map(str::to_owned);
    Some(Planned {
        plan: text("plan")?,
        instance: text("instance_id").unwrap_or_default(),
        node: text("node").unwrap_or_default(),
    })
}

/// What a line of the log says that went wrong.
fn error(line: &Value) -> Option<String> {
    if line["level"] != "ERROR" {
        return None;
    }
    let message = line["message"].as_str()?;
    let reason = ["error", "reason", "detail"]
        .into_iter()
        .find_map(|field| line[field].as_str());
    let parts = [line["resource"].as_str(), Some(message), reason];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines() -> Vec<String> {
        [
            json!({ "level": "INFO", "message": "plan", "instance_id": "i-0123456789abcdef0", "node": "ip-10-0-1-7",
                "plan": "heartbeat; look again in 1s: 2 pods leave" }),
            json!({ "level": "INFO", "message": "plan", "instance_id": "i-0aaaaaaa", "plan": "done: the instance is gone" }),
            json!({ "_aws": { "CloudWatchMetrics": [] }, "KubernetesCalls": 3 }),
        ]
        .map(|line| line.to_string())
        .into()
    }

    fn replay(run: Run) -> Replay {
        Replay {
            runs: vec![run],
            ..Replay::new(false)
        }
    }

    #[test]
    fn plans_are_shown_by_instance() {
        let replay = replay(Run::new(
            "node-drain",
            Ok(json!({ "batchItemFailures": [] })),
            &lines(),
        ));
        assert_eq!(
            replay.table(),
            "\
node-drain (dry run)
INSTANCE             NODE         PLAN
i-0123456789abcdef0  ip-10-0-1-7  heartbeat
    look again in 1s: 2 pods leave
i-0aaaaaaa           -            done: the instance is gone
"
        );
        assert!(!replay.needs_attention());
    }

    #[test]
    fn a_plan_for_everything_is_shown_step_by_step() {
        let line = json!({ "level": "INFO", "message": "plan", "plan":
            "deployment/shop/web: save 3, resize to 0 (outside uptime); look again in 1s" });
        let replay = replay(Run::new("off-hours", Ok(Value::Null), &[line.to_string()]));
        assert_eq!(
            replay.table(),
            "\
off-hours (dry run)
    deployment/shop/web: save 3, resize to 0 (outside uptime)
    look again in 1s
"
        );
    }

    #[test]
    fn nothing_to_do_is_said() {
        let replay = replay(Run::new("node-drain", Ok(Value::Null), &[]));
        assert_eq!(replay.table(), "node-drain (dry run): nothing to do\n");
    }

    #[test]
    fn what_went_wrong_is_shown_once_and_needs_attention() {
        let logged = json!({ "level": "ERROR", "message": "message can't be read and is parked", "reason": "no detail" });
        let run = Run::new("node-label", Ok(Value::Null), &[logged.to_string()]);
        let replay_of_message = replay(run);
        assert!(replay_of_message.needs_attention());
        assert!(
            replay_of_message
                .table()
                .ends_with("! message can't be read and is parked: no detail\n")
        );
        let failed = replay(Run::new(
            "node-label",
            Err(Failed::permanent("no access to the cluster")),
            &[],
        ));
        assert!(failed.needs_attention());
        assert_eq!(
            failed.table(),
            "node-label (dry run): it came to no plan\n! no access to the cluster\n"
        );
        let logged =
            json!({ "level": "ERROR", "message": "the groups can't be looked at", "error": "throttled" });
        let run = Run::new(
            "node-label",
            Err(Failed::transient("throttled")),
            &[logged.to_string()],
        );
        assert_eq!(run.errors, ["the groups can't be looked at: throttled"]);
    }

    #[test]
    fn a_resource_that_needs_attention_is_named_with_the_reason() {
        let logged = json!({ "level": "ERROR", "message": "it needs attention", "resource": "group/workers",
            "standing": "refused", "detail": "no such weekday" });
        let run = Run::new("off-hours", Ok(Value::Null), &[logged.to_string()]);
        assert_eq!(run.errors, ["group/workers: it needs attention: no such weekday"]);
    }

    #[test]
    fn a_failure_that_only_the_metrics_tell_is_not_overlooked() {
        let metrics = json!({ "_aws": {}, "Failures": 2 }).to_string();
        let replay = replay(Run::new("node-label", Ok(Value::Null), &[metrics]));
        assert!(replay.needs_attention());
        assert!(
            replay
                .table()
                .ends_with("! 2 failures, by its metrics; the log says more\n")
        );
    }

    #[test]
    fn the_json_is_a_contract() {
        let replay = replay(Run::new(
            "node-drain",
            Ok(json!({ "batchItemFailures": [] })),
            &lines()[..1],
        ));
        assert_eq!(
            serde_json::to_value(replay).unwrap(),
            json!({
                "applied": false,
                "runs": [{
                    "function": "node-drain",
                    "plans": [{
                        "instance": "i-0123456789abcdef0",
                        "node": "ip-10-0-1-7",
                        "plan": "heartbeat; look again in 1s: 2 pods leave",
                    }],
                    "errors": [],
                    "answer": { "batchItemFailures": [] },
                }],
            })
        );
    }
}
