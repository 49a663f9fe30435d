//! What the eviction API answers, and what each answer means.

use jiff::{SignedDuration, Timestamp};

/// A Kubernetes `Status`, as far as it tells the answers of an eviction apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiStatus {
    /// HTTP status code.
    pub code: u16,
    /// `reason`, empty when there is none.
    pub reason: String,
    /// `message`.
    pub message: String,
    /// `details.kind`: what kind of object was refused.
    pub kind: String,
    /// `details.causes`, each with its reason and its message.
    pub causes: Vec<(String, String)>,
    /// `details.retryAfterSeconds`; 0 when absent.
    pub retry_after: u32,
}

/// The answer to an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The pod was asked to stop and has its grace.
    Accepted,
    /// The pod is not there any more.
    Gone,
    /// A pod of that name is there, and it is another one: ours is gone.
    Replaced,
    /// Not now, or not at all.
    Refused(Refusal),
}

/// Why an eviction was refused. Each has its own pace of asking again, see [`Refusal::retry_at`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A disruption budget allows no more now. Not an error: it is what the budget is for.
    Budget {
        /// The budget and its numbers, in the API server's words.
        message: String,
        /// How long it asked us to wait, in seconds; 0 when it did not say.
        retry_after: u32,
    },
    /// More than one budget covers the pod, which the eviction API does not support: blocked until its people
    /// change that.
    SeveralBudgets,
    /// The API server protects itself from too many requests.
    Throttled {
        /// How long it asked us to wait, in seconds; 0 when it did not say.
        retry_after: u32,
    },
    /// The namespace is being deleted and takes the pod along.
    NamespaceTerminating,
    /// We may not evict: the cluster's role lacks a rule, which the message names.
    Forbidden {
        /// In the API server's words.
        message: String,
    },
    /// A rule of the cluster's own refuses it: an admission webhook or policy. Not an error either; operators of
    /// databases let their pods go only when another one has taken over.
    Denied {
        /// In the rule's words.
        message: String,
    },
    /// An error of the server, or none answered.
    Unavailable {
        /// What is known.
        message: String,
    },
}

/// Cause by which the eviction API tells a budget's 429 from flow control's.
const BUDGET_CAUSE: &str = "DisruptionBudget";
/// Cause of a 403 in a namespace that is being deleted.
const NAMESPACE_CAUSE: &str = "NamespaceTerminating";
/// All that tells a pod with several budgets: the 500 has no reason.
const SEVERAL_BUDGETS: &str = "more than one PodDisruptionBudget";
/// `details.kind` of a 403 that is about a budget's own bookkeeping and not about permissions.
const BUDGET_KIND: &str = "poddisruptionbudget";

/// How admission begins and ends what it says, whatever the status code: a webhook chooses its own, and a policy
/// answers 403 as a missing permission does (apiserver, `admission/plugin/webhook/errors` and `.../policy`).
const ADMISSION: [(&str, &str); 2] = [
    ("admission webhook \"", "denied the request"),
    ("ValidatingAdmissionPolicy '", "denied request"),
];

impl ApiStatus {
    fn is_of_admission(&self) -> bool {
        (400..500).contains(&self.code)
            && ADMISSION.iter().any(|(begin, end)| {
                self.message
                    .split_once(begin)
                    .is_some_and(|(_, rest)| rest.contains(end))
            })
    }
}

impl Answer {
    /// Reads the answer from the status of a response that was not 2xx.
    pub fn of(status: &ApiStatus) -> Self {
        let cause = |wanted: &str| status.causes.iter().find(|(reason, _)| reason == wanted);
        let message = || status.message.clone();
        if status.is_of_admission() {
            return Self::Refused(Refusal::Denied { message: message() });
        }
        match status.code {
            404 => Self::Gone,
            409 => Self::Replaced,
            429 => Self::Refused(match cause(BUDGET_CAUSE) {
                Some((_, message)) => Refusal::Budget {
                    message: message.clone(),
                    retry_after: status.retry_after,
                },
                None => Refusal::Throttled {
                    retry_after: status.retry_after,
                },
            }),
            403 if cause(NAMESPACE_CAUSE).is_some() => Self::Refused(Refusal::NamespaceTerminating),
            403 if status.kind == BUDGET_KIND => Self::Refused(Refusal::Budget {
                message: message(),
                retry_after: 0,
            }),
            401 | 403 => Self::Refused(Refusal::Forbidden { message: message() }),
            500 if status.message.contains(SEVERAL_BUDGETS) => Self::Refused(Refusal::SeveralBudgets),
            _ => Self::Refused(Refusal::Unavailable { message: message() }),
        }
    }
}

impl Refusal {
    /// When to ask again after a refusal at `now`. Five seconds for what people's workloads decide (kubectl
    /// waits as long): twelve requests a minute for a pod that is held back. A missing permission is not asked
    /// about again soon: it does not come by itself.
    pub fn retry_at(&self, now: Timestamp) -> Timestamp {
        let seconds = |seconds: i64| now + SignedDuration::from_secs(seconds);
        match self {
            Self::Budget { retry_after, .. } => seconds(i64::from(*retry_after).max(5)),
            Self::Throttled { retry_after } => seconds(i64::from(*retry_after).max(1)),
            Self::NamespaceTerminating | Self::Denied { .. } | Self::Unavailable { .. } => seconds(5),
            Self::SeveralBudgets => seconds(10),
            Self::Forbidden { .. } => seconds(60),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Budget { message, .. } => write!(f, "held back by its disruption budget: {message}"),
            Self::SeveralBudgets => f.write_str(
                "covered by more than one disruption budget, which the eviction API does not support",
            ),
            Self::Throttled { .. } => f.write_str("the API server asks for fewer requests"),
            Self::NamespaceTerminating => f.write_str("its namespace is being deleted"),
            Self::Forbidden { message } => write!(f, "not permitted: {message}"),
            Self::Denied { message } => write!(f, "refused by a rule of the cluster: {message}"),
            Self::Unavailable { message } => write!(f, "the API server could not do it: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> ApiStatus {
        ApiStatus {
            code,
            message: "m".to_owned(),
            ..ApiStatus::default()
        }
    }

    fn caused(code: u16, cause: &str, retry_after: u32) -> ApiStatus {
        ApiStatus {
            causes: vec![(cause.to_owned(), "why".to_owned())],
            retry_after,
            ..status(code)
        }
    }

    #[test]
    fn each_answer_of_the_eviction_api_is_told_apart() {
        let budget = |message: &str, retry_after| Refusal::Budget {
            message: message.to_owned(),
            retry_after,
        };
        let message = || "m".to_owned();
        let several = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        let cases = [
            (
                caused(429, "DisruptionBudget", 0),
                Answer::Refused(budget("why", 0)),
            ),
            (
                caused(429, "DisruptionBudget", 10),
                Answer::Refused(budget("why", 10)),
            ),
            (
                ApiStatus {
                    retry_after: 3,
                    ..status(429)
                },
                Answer::Refused(Refusal::Throttled { retry_after: 3 }),
            ),
            (
                caused(403, "NamespaceTerminating", 0),
                Answer::Refused(Refusal::NamespaceTerminating),
            ),
            (
                ApiStatus {
                    kind: "poddisruptionbudget".to_owned(),
                    ..status(403)
                },
                Answer::Refused(budget("m", 0)),
            ),
            (
                ApiStatus {
                    kind: "pods".to_owned(),
                    ..status(403)
                },
                Answer::Refused(Refusal::Forbidden { message: message() }),
            ),
            (
                status(401),
                Answer::Refused(Refusal::Forbidden { message: message() }),
            ),
            (status(404), Answer::Gone),
            (status(409), Answer::Replaced),
            (
                ApiStatus {
                    message: several.to_owned(),
                    ..status(500)
                },
                Answer::Refused(Refusal::SeveralBudgets),
            ),
            (
                status(500),
                Answer::Refused(Refusal::Unavailable { message: message() }),
            ),
            (
                status(504),
                Answer::Refused(Refusal::Unavailable { message: message() }),
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(Answer::of(&status), expected, "{status:?}");
        }
    }

    #[test]
    fn a_rule_of_the_cluster_is_told_from_a_missing_permission() {
        let role = "pods \"x\" is forbidden: User \"drain\" cannot create resource \"pods/eviction\" \
                    in API group \"\" in the namespace \"shop\"";
        let webhook =
            "admission webhook \"evictions.db.example\" denied the request: the primary is still here";
        let silent = "admission webhook \"evictions.db.example\" denied the request without explanation";
        let policy = "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'keep' with binding 'all' \
                      denied request: not during the sale";
        let says = |code, message: &str| {
            Answer::of(&ApiStatus {
                code,
                message: message.to_owned(),
                ..ApiStatus::default()
            })
        };
        for (code, message) in [
            (403, webhook),
            (400, silent),
            (404, webhook),
            (403, policy),
            (422, policy),
        ] {
            let message = message.to_owned();
            assert_eq!(
                says(code, &message),
                Answer::Refused(Refusal::Denied { message }),
                "{code}"
            );
        }
        let message = role.to_owned();
        assert_eq!(says(403, role), Answer::Refused(Refusal::Forbidden { message }));
        let away = "Internal error occurred: failed calling webhook \"evictions.db.example\": no answer";
        assert!(matches!(
            says(500, away),
            Answer::Refused(Refusal::Unavailable { .. })
        ));
    }

    #[test]
    fn a_pod_that_a_budget_holds_back_is_asked_at_most_twelve_times_a_minute() {
        let now = Timestamp::UNIX_EPOCH;
        let budget = |retry_after| Refusal::Budget {
            message: String::new(),
            retry_after,
        };
        assert_eq!(budget(0).retry_at(now), now + SignedDuration::from_secs(5));
        assert_eq!(budget(10).retry_at(now), now + SignedDuration::from_secs(10));
    }
}
