//! Managed node groups.
//!
//! The emulator keeps them, without nodes, and authorises what is asked about one as if it were about its cluster. Here:
//!
//! - each is a resource of its own, with its tags, to IAM (Service Authorization Reference, Amazon EKS);
//! - an Auto Scaling group of the world is behind each ([`groups`]), so its nodes come and go with its sizes. Somebody
//!   who changes that group changes the desired size that is described, as with the Cluster Autoscaler;
//! - `UpdateNodegroupConfig` exists ([`change`]) and takes a second, in which the group is `UPDATING` and refuses another
//!   update; `DescribeUpdate` follows it;
//! - `ListNodegroups` has pages, `UntagResource` takes several keys.
//!
//! Left out: `CREATING` and `DELETING`, which are over at once; rolling updates and `UpdateNodegroupVersion`; failed updates.

mod change;
mod groups;
mod updates;
mod wire;

use anyhow::Result;
use autoscaling::judge::{Asked, SignedRequest, Verdict};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Refused;
use crate::forward::Answer;
use crate::{Client, EmulatorJudge};
use change::changed;
use groups::Groups;
use updates::Updates;
use wire::{
    Name, answer, arn_of, cluster_asked, decoded, encoded, group_of, or_refused, page, parameter, problem,
};

pub use groups::{LABEL_TAG, NODEGROUP_TAG};

/// `ListNodegroups`: at most this many on a page.
const LARGEST_PAGE: usize = 100;

/// The node groups of the world.
#[derive(Debug)]
pub(super) struct Nodegroups {
    judge: EmulatorJudge,
    emulator: Client,
    /// `None` for node groups without nodes.
    groups: Option<Groups>,
    updates: Updates,
}

/// An answer of ours, or one of the refusals that the caller gets.
type Outcome = Result<Result<Value, Refused>>;

impl Nodegroups {
    pub(super) fn new(emulator: Client, autoscaling: Option<Client>) -> Result<Self> {
        Ok(Self {
            judge: EmulatorJudge::new(emulator.endpoint())?,
            groups: autoscaling.map(|autoscaling| Groups {
                emulator: emulator.clone(),
                autoscaling,
            }),
            emulator,
            updates: Updates::default(),
        })
    }

    /// The answer to a request about node groups, `None` if it is about something else.
    pub(super) async fn answer(&self, request: &SignedRequest) -> Result<Option<Answer>> {
        let (path, query) = request
            .path_and_query
            .split_once('?')
            .unwrap_or((&request.path_and_query, ""));
        let parts: Vec<&str> = path.trim_matches('/').splitn(2, "tags/").collect();
        if let ["", arn] = parts[..] {
            let arn = decoded(arn);
            return if arn.contains(":nodegroup/") {
                self.tags(request, &arn, query).await.map(Some)
            } else {
                Ok(None)
            };
        }
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let answer = match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["clusters", cluster, "node-groups"]) => self.list(request, cluster, query).await,
            ("POST", ["clusters", cluster, "node-groups"]) => self.create(request, cluster).await,
            ("GET", ["clusters", cluster, "node-groups", one]) => {
                self.describe(request, Name::new(cluster, one)).await
            }
            ("DELETE", ["clusters", cluster, "node-groups", one]) => {
                self.delete(request, Name::new(cluster, one)).await
            }
            ("POST", ["clusters", cluster, "node-groups", one, "update-config"]) => {
                self.update(request, Name::new(cluster, one)).await
            }
            ("GET", ["clusters", cluster, "updates", id]) => match parameter(query, "nodegroupName") {
                Some(one) => self.describe_update(request, Name::new(cluster, &one), id).await,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        answer.map(Some)
    }

    async fn list(&self, request: &SignedRequest, cluster: &str, query: &str) -> Result<Answer> {
        if let Some(refusal) = self
            .judged(request, "ListNodegroups", &cluster_asked(cluster))
            .await?
        {
            return Ok(refusal);
        }
        let path = format!("/clusters/{cluster}/node-groups?maxResults=100000");
        let all = or_refused(self.emulator.rest("eks", Method::GET, &path, None).await)?;
        let after = parameter(query, "nextToken").unwrap_or_default();
        let size = parameter(query, "maxResults").and_then(|size| size.parse().ok());
        Ok(answer(all.map(|body| {
            page(&body["nodegroups"], &after, size.unwrap_or(LARGEST_PAGE))
        })))
    }

    async fn create(&self, request: &SignedRequest, cluster: &str) -> Result<Answer> {
        if let Some(refusal) = self
            .judged(request, "CreateNodegroup", &cluster_asked(cluster))
            .await?
        {
            return Ok(refusal);
        }
        let Ok(asked) = serde_json::from_slice::<Value>(&request.body) else {
            return Ok(answer(Err(not_json())));
        };
        if let Err(message) = changed(&asked, &json!({})) {
            return Ok(answer(Err(invalid(&message))));
        }
        let path = format!("/clusters/{cluster}/node-groups");
        let created = or_refused(self.emulator.rest("eks", Method::POST, &path, Some(&asked)).await)?;
        if let (Ok(body), Some(groups)) = (&created, &self.groups) {
            let nodegroup = &body["nodegroup"];
            groups.create(group_of(nodegroup)?, cluster, nodegroup).await?;
        }
        Ok(answer(created))
    }

    async fn describe(&self, request: &SignedRequest, name: Name<'_>) -> Result<Answer> {
        let found = self.find(name).await?;
        let answer = found.clone().map(|nodegroup| json!({ "nodegroup": nodegroup }));
        self.judged_or(request, "DescribeNodegroup", name, &found, async || Ok(answer))
            .await
    }

    async fn delete(&self, request: &SignedRequest, name: Name<'_>) -> Result<Answer> {
        let found = self.find(name).await?;
        self.judged_or(request, "DeleteNodegroup", name, &found, async || {
            let deleted = self
                .emulator
                .rest("eks", Method::DELETE, &name.path(), None)
                .await;
            if let (Ok(nodegroup), Some(groups)) = (&found, &self.groups) {
                groups.delete(group_of(nodegroup)?).await?;
            }
            or_refused(deleted)
        })
        .await
    }

    async fn update(&self, request: &SignedRequest, name: Name<'_>) -> Result<Answer> {
        let found = self.find(name).await?;
        self.judged_or(request, "UpdateNodegroupConfig", name, &found, async || {
            let Ok(nodegroup) = &found else {
                return Ok(found.clone());
            };
            let Ok(change) = serde_json::from_slice::<Value>(&request.body) else {
                return Ok(Err(not_json()));
            };
            let fields = match changed(nodegroup, &change) {
                Ok(fields) => fields,
                Err(message) => return Ok(Err(invalid(&message))),
            };
            let update = match self.updates.begin(nodegroup, fields.clone(), &change)? {
                Ok(update) => update,
                Err(refused) => return Ok(Err(refused)),
            };
            if let (Some(groups), Some(scaling)) = (&self.groups, fields.get("scalingConfig")) {
                groups.resize(group_of(nodegroup)?, scaling).await?;
            }
            Ok(Ok(json!({ "update": update })))
        })
        .await
    }

    async fn describe_update(&self, request: &SignedRequest, name: Name<'_>, id: &str) -> Result<Answer> {
        let found = self.find(name).await?;
        self.judged_or(request, "DescribeUpdate", name, &found, async || {
            let Ok(nodegroup) = &found else {
                return Ok(found.clone());
            };
            let update = self.updates.describe(nodegroup, id);
            Ok(update.map(|update| json!({ "update": update })))
        })
        .await
    }

    async fn tags(&self, request: &SignedRequest, arn: &str, query: &str) -> Result<Answer> {
        let mut parts = arn.rsplit('/').skip(1);
        let (nodegroup, cluster) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let name = Name::new(cluster, nodegroup);
        let found = self.find(name).await?;
        let (action, method) = match request.method.as_str() {
            "POST" => ("TagResource", Method::POST),
            "DELETE" => ("UntagResource", Method::DELETE),
            _ => ("ListTagsForResource", Method::GET),
        };
        let mut asked = name.asked(found.as_ref().ok());
        arn.clone_into(&mut asked.resource);
        if let Some(refusal) = self.judged(request, action, &asked).await? {
            return Ok(refusal);
        }
        let path = format!("/tags/{}", encoded(arn));
        if method != Method::DELETE {
            let body = serde_json::from_slice(&request.body).ok();
            let done = self.emulator.rest("eks", method, &path, body.as_ref()).await;
            return Ok(answer(or_refused(done)?));
        }
        // The emulator takes one key away at a time.
        let keys = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "tagKeys");
        for (_, key) in keys {
            let path = format!("{path}?tagKeys={}", encoded(&key));
            let untagged = or_refused(self.emulator.rest("eks", Method::DELETE, &path, None).await)?;
            if untagged.is_err() {
                return Ok(answer(untagged));
            }
        }
        Ok(answer(Ok(json!({}))))
    }

    /// The node group as it is now.
    async fn find(&self, name: Name<'_>) -> Outcome {
        let mut nodegroup =
            match or_refused(self.emulator.rest("eks", Method::GET, &name.path(), None).await)? {
                Ok(mut body) => body["nodegroup"].take(),
                Err(refused) => return Ok(Err(refused)),
            };
        let path = format!("/tags/{}", encoded(arn_of(&nodegroup)));
        nodegroup["tags"] = self.emulator.rest("eks", Method::GET, &path, None).await?["tags"].take();
        self.updates.apply(&mut nodegroup);
        if let Some(groups) = &self.groups
            && let Some(desired) = groups.desired(group_of(&nodegroup)?).await?
        {
            nodegroup["scalingConfig"]["desiredSize"] = desired.into();
        }
        Ok(Ok(nodegroup))
    }

    /// What `then` answers, if IAM lets the caller do `action` to the node group, whether it is there or not.
    async fn judged_or(
        &self,
        request: &SignedRequest,
        action: &str,
        name: Name<'_>,
        found: &Result<Value, Refused>,
        then: impl AsyncFnOnce() -> Outcome,
    ) -> Result<Answer> {
        let asked = name.asked(found.as_ref().ok());
        if let Some(refusal) = self.judged(request, action, &asked).await? {
            return Ok(refusal);
        }
        Ok(answer(then().await?))
    }

    /// IAM's refusal, if it is one.
    async fn judged(&self, request: &SignedRequest, action: &str, asked: &Asked) -> Result<Option<Answer>> {
        let asked = Asked {
            action: format!("eks:{action}"),
            ..asked.clone()
        };
        let verdict = self.judge.ask(request, &asked).await?;
        let Verdict::Refused {
            status,
            content_type,
            body,
        } = verdict
        else {
            return Ok(None);
        };
        let headers = vec![
            ("content-type".to_owned(), content_type),
            ("x-amzn-errortype".to_owned(), code(&body)),
        ];
        Ok(Some(Answer {
            status,
            headers,
            body,
        }))
    }
}

fn not_json() -> Refused {
    problem(400, "SerializationException", "the body is not JSON")
}

fn invalid(message: &str) -> Refused {
    problem(400, "InvalidParameterException", message)
}

/// The emulator names the error in the body alone; SDKs look at the header first.
fn code(body: &[u8]) -> String {
    serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| Some(body["__type"].as_str()?.to_owned()))
        .unwrap_or_else(|| "AccessDeniedException".to_owned())
}
