//! From what STS calls a caller to what Kubernetes calls it.

use serde::Deserialize;

use super::Refusal;

/// The answer of `GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caller {
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`, or an IAM user.
    pub arn: String,
    /// `AROA…:<session>`, or the user's id.
    pub user_id: String,
    /// The account's number.
    pub account: String,
}

/// An access entry, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessEntry {
    /// The role or user, with the path that it has in IAM.
    pub principal_arn: String,
    /// The groups in Kubernetes.
    #[serde(default)]
    pub kubernetes_groups: Vec<String>,
    /// The name in Kubernetes; a name made from the principal where it is empty.
    #[serde(default)]
    pub username: String,
    /// `STANDARD`, or a kind for nodes.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// Somebody whom the API server knows now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub username: String,
    /// Stays the same when the name does not.
    pub uid: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// What the audit log shows.
    pub extra: Vec<(String, Vec<String>)>,
}

/// The parts of an ARN that tell one principal from another.
struct Arn<'a> {
    service: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _partition, service, _region, account, resource] = fields[..] else {
            return None;
        };
        Some(Self {
            service,
            account,
            resource,
        })
    }
}

impl Caller {
    /// The role and the session, if it is a role.
    fn role(&self) -> Option<(&str, &str)> {
        let arn = Arn::parse(&self.arn)?;
        let names = arn.resource.strip_prefix("assumed-role/")?;
        (arn.service == "sts").then(|| names.split_once('/'))?
    }

    /// Whether the caller is the principal of an access entry. STS leaves out the path of a role, and names of
    /// roles are unique in an account whatever their path: so the name decides. Users keep their path.
    pub fn is(&self, principal: &str) -> bool {
        let Some((role, _)) = self.role() else {
            return self.arn == principal;
        };
        Arn::parse(principal).is_some_and(|arn| {
            arn.service == "iam"
                && arn.account == self.account
                && arn.resource.starts_with("role/")
                && arn.resource.rsplit('/').next() == Some(role)
        })
    }

    /// Whom the caller is in the cluster that has this entry for it.
    pub fn identity(&self, entry: &AccessEntry) -> Result<Identity, Refusal> {
        let bad = |reason: String| Refusal::BadAccessEntry {
            principal: entry.principal_arn.clone(),
            reason,
        };
        if !matches!(entry.kind.as_str(), "" | "STANDARD") {
            return Err(bad(format!(
                "type {} is for nodes, which do not come here",
                entry.kind
            )));
        }
        check_groups(&entry.kubernetes_groups).map_err(bad)?;
        let session = self
            .role()
            .map(|(_, session)| session.to_owned())
            .unwrap_or_default();
        let template = self.name_template(entry);
        let username = template
            .replace("{{AccountID}}", &self.account)
            .replace("{{SessionName}}", &session.replace('@', "-"))
            .replace("{{SessionNameRaw}}", &session);
        let id = self.user_id.split(':').next().unwrap_or_default();
        Ok(Identity {
            username,
            uid: format!("aws-iam-authenticator:{}:{id}", self.account),
            groups: entry.kubernetes_groups.clone(),
            extra: vec![
                ("arn".to_owned(), vec![self.arn.clone()]),
                ("canonicalArn".to_owned(), vec![entry.principal_arn.clone()]),
                ("principalId".to_owned(), vec![id.to_owned()]),
                ("sessionName".to_owned(), vec![session]),
            ],
        })
    }

    fn name_template(&self, entry: &AccessEntry) -> String {
        match self.role() {
            _ if !entry.username.is_empty() => entry.username.clone(),
            Some((role, _)) => {
                format!(
                    "arn:aws:sts::{}:assumed-role/{role}/{{{{SessionName}}}}",
                    self.account
                )
            }
            None => self.arn.clone(),
        }
    }
}

/// EKS refuses groups of Kubernetes itself in access entries, at their creation; `Err` has the rule.
pub fn check_groups(groups: &[String]) -> Result<(), String> {
    match groups.iter().find(|group| group.starts_with("system:")) {
        Some(group) => Err(format!("group {group} starts with system:, which is not allowed")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role_session() -> Caller {
        Caller {
            arn: "arn:aws:sts::111122223333:assumed-role/node-drain/fn@1".to_owned(),
            user_id: "AROAEXAMPLE:fn@1".to_owned(),
            account: "111122223333".to_owned(),
        }
    }

    fn entry(groups: &[&str], username: &str) -> AccessEntry {
        AccessEntry {
            principal_arn: "arn:aws:iam::111122223333:role/apps/node-drain".to_owned(),
            kubernetes_groups: groups.iter().map(|&group| group.to_owned()).collect(),
            username: username.to_owned(),
            kind: "STANDARD".to_owned(),
        }
    }

    #[test]
    fn a_role_is_found_by_its_name_with_and_without_a_path() {
        let caller = role_session();
        for (principal, same) in [
            ("arn:aws:iam::111122223333:role/node-drain", true),
            ("arn:aws:iam::111122223333:role/apps/lamplighter/node-drain", true),
            ("arn:aws:iam::111122223333:role/node-drain/other", false),
            ("arn:aws:iam::111122223333:role/not-node-drain", false),
            ("arn:aws:iam::444455556666:role/node-drain", false),
            ("arn:aws:iam::111122223333:user/node-drain", false),
            ("node-drain", false),
        ] {
            assert_eq!(caller.is(principal), same, "{principal}");
        }
    }

    #[test]
    fn a_user_is_found_by_the_whole_arn() {
        let arn = "arn:aws:iam::111122223333:user/ops/ann";
        let caller = Caller {
            arn: arn.to_owned(),
            ..role_session()
        };
        assert!(caller.is(arn) && !caller.is("arn:aws:iam::111122223333:user/ann"));
        assert_eq!(caller.identity(&entry(&[], "")).unwrap().username, arn);
    }

    #[test]
    fn a_role_without_a_name_of_its_own_is_called_by_its_session() {
        let identity = role_session()
            .identity(&entry(&["lamplighter:node-drain"], ""))
            .unwrap();
        assert_eq!(
            identity.username,
            "arn:aws:sts::111122223333:assumed-role/node-drain/fn-1"
        );
        assert_eq!(identity.groups, ["lamplighter:node-drain"]);
        assert_eq!(identity.uid, "aws-iam-authenticator:111122223333:AROAEXAMPLE");
    }

    #[test]
    fn a_name_may_hold_the_session() {
        let identity = role_session()
            .identity(&entry(&[], "drain:{{SessionNameRaw}}:{{AccountID}}"))
            .unwrap();
        assert_eq!(identity.username, "drain:fn@1:111122223333");
    }

    #[test]
    fn groups_of_kubernetes_itself_are_refused() {
        let refusal = role_session()
            .identity(&entry(&["ours", "system:masters"], ""))
            .unwrap_err();
        assert!(refusal.to_string().contains("system:masters"), "{refusal}");
    }

    #[test]
    fn entries_for_nodes_are_refused() {
        let entry = AccessEntry {
            kind: "EC2_LINUX".to_owned(),
            ..entry(&[], "")
        };
        assert!(
            role_session()
                .identity(&entry)
                .unwrap_err()
                .to_string()
                .contains("EC2_LINUX")
        );
    }
}
