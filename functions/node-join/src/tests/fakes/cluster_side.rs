//! The API server.

use access::Connect;
use domain::ids::NodeName;
use domain::join::{BootstrapToken, Decision, Endpoint, SigningRequest, TokenId};
use domain::node::Node;
use jiff::Timestamp;
use kubernetes::{
    ClusterInfo, CountCalls, CreateToken, DecideSigningRequest, DeleteToken, Error, ListNodes,
    ListSigningRequests, Made, NewToken, ReadClusterInfo, Ruling, TryToken,
};
use runtime::clock::Clock as _;

use super::{Fake, Fault, TokenSecret};

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        Ok(self.clone())
    }

    async fn forget(&self) {}
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        self.kubernetes_calls()
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, Error> {
        self.kubernetes("list nodes", |state| state.nodes.clone()).await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, Error> {
        unreachable!("a join does not look at drains")
    }

    async fn node(&self, name: &NodeName) -> Result<Option<Node>, Error> {
        self.kubernetes("list nodes", |state| {
            state.nodes.iter().find(|node| node.name == *name).cloned()
        })
        .await
    }
}

impl ReadClusterInfo for Fake {
    async fn cluster_info(&self) -> Result<ClusterInfo, Error> {
        self.kubernetes("get cluster-info", |state| ClusterInfo {
            endpoint: Endpoint::parse("10.0.0.1:6443").unwrap(),
            ca_pem: state.ca.clone().into_bytes(),
        })
        .await
    }
}

impl CreateToken for Fake {
    async fn create_token(&self, new: &NewToken<'_>) -> Result<Made, Error> {
        self.kubernetes("create secret", |state| {
            let id = new.token.id().to_string();
            if state.secrets.contains_key(&id) {
                return Made::Exists;
            }
            let secret = new.token.expose_secret().to_owned();
            state.secrets_ever.push(secret.clone());
            let kept = TokenSecret {
                secret,
                group: new.group.to_owned(),
                expires: new.issued.expires,
                instance: Some(new.instance.to_string()),
            };
            state.secrets.insert(id, kept);
            state.writes.push("create secret".to_owned());
            Made::Created
        })
        .await
    }
}

impl DeleteToken for Fake {
    async fn delete_token(&self, token: &TokenId) -> Result<(), Error> {
        self.kubernetes("delete secret", |state| {
            if state.secrets.remove(token.as_str()).is_some() {
                state.writes.push("delete secret".to_owned());
            }
        })
        .await
    }
}

impl TryToken for Fake {
    async fn try_token(&self, token: &BootstrapToken) -> Result<Option<String>, Error> {
        let now = self.now();
        self.kubernetes("try token", |state| {
            let known = state.secrets.get(token.id().as_str());
            let opens = known.is_some_and(|kept| kept.secret == token.expose_secret() && now < kept.expires);
            (opens && state.fault != Fault::NoTokens).then(|| token.id().user())
        })
        .await
    }
}

impl ListSigningRequests for Fake {
    async fn signing_requests(&self) -> Result<Vec<SigningRequest>, Error> {
        self.kubernetes("list requests", |state| state.requests.clone())
            .await
    }
}

impl DecideSigningRequest for Fake {
    async fn decide(&self, request: &SigningRequest, ruling: &Ruling) -> Result<(), Error> {
        self.kubernetes("decide", |state| {
            let Some(known) = state.requests.iter_mut().find(|one| one.name == request.name) else {
                return Err(refused(404));
            };
            if known.resource_version != request.resource_version {
                return Err(refused(409));
            }
            known.resource_version.push('1');
            known.decision = if ruling.is_approved {
                Decision::Approved
            } else {
                Decision::Refused
            };
            state.writes.push(format!("{} {}", request.name, ruling.reason));
            Ok(())
        })
        .await?
    }
}

fn refused(code: u16) -> Error {
    Error::Refused {
        call: "decide".to_owned(),
        code,
        message: "changed".to_owned(),
    }
}
