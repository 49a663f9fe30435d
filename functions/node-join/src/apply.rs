//! What a plan asks for, carried out. Each step can be repeated, and a crash after any of them leaves what the
//! next look makes sense of: a parameter without its Secret is completed, and a Secret without its parameter
//! dies with its token.

use access::Connect;
use aws::Secret;
use aws::autoscaling::{DescribeGroups, DescribeHooks};
use aws::ssm::{NewParameter, Stored};
use aws_ec2::DescribeMachines;
use domain::failure::Class;
use domain::ids::{InstanceId, NodeName};
use domain::join::{BootstrapToken, Document, Endpoint, Issued, Parameter, Pin, Plan, Random, TokenId, pins};
use domain::keys::CLUSTER_TAG;
use domain::label::Template;
use function::report::count;
use function::rounds::IN_FLIGHT;
use function::{Count, Failed};
use futures::StreamExt as _;
use kubernetes::{CountCalls, DeleteToken as _, ReadClusterInfo as _};
use runtime::clock::Clock;
use tokio::sync::Semaphore;

use crate::rounds::Round;
use crate::{
    Kubernetes, LEFTOVERS_DELETED, Parameters, Scope, TOKENS_ISSUED, TOKENS_REISSUED, TOKENS_REVOKED,
};

/// Parameters that are put away at once: the service takes about three a second, and its client waits and asks
/// again for what is too much.
const PUTS: usize = 3;

/// What a machine needs to find and to recognise the cluster.
#[derive(Debug)]
pub(crate) struct Terms {
    endpoint: Endpoint,
    pins: Vec<Pin>,
    puts: Semaphore,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The token is away, its Secret is there, and it opens the door.
    Secured(Issued),
    /// The token is taken back.
    Revoked,
    /// Somebody else was at work, or a look is needed first.
    LookAgain,
}

impl<A, M, P, G, Q, R, C, L> Round<'_, A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    R: Random,
    C: Clock,
{
    /// Carries out the plans side by side, and remembers what came of them.
    pub(crate) async fn apply(&mut self, plans: Vec<(InstanceId, Plan)>) {
        let calls_before = self.calls();
        let (leftovers, plans) = sorted(plans);
        self.clear_away(&leftovers).await;
        let terms = self.terms(&plans).await;
        let round = &*self;
        let outcomes: Vec<_> = futures::stream::iter(&plans)
            .map(|(instance, plan)| {
                let terms = terms.as_ref();
                async move { (instance, round.carry_out(instance, plan, terms).await) }
            })
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        for (instance, outcome) in outcomes {
            self.note(instance, outcome);
        }
        let calls = self.calls() - calls_before;
        self.tally.borrow_mut().count(count::KUBERNETES_CALLS, calls);
    }

    fn calls(&self) -> u64 {
        self.cluster.as_ref().map_or(0, CountCalls::calls)
    }

    /// Deletes parameters whose tokens are over: nothing of them is in the cluster any more.
    async fn clear_away(&mut self, leftovers: &[InstanceId]) {
        if leftovers.is_empty() {
            return;
        }
        let names: Vec<String> = leftovers
            .iter()
            .map(|instance| self.parameter_name(instance))
            .collect();
        self.one(count::AWS_CALLS);
        if let Err(error) = self.function.parameters.delete_parameters(&names).await {
            return self.fail(error.into(), "leftovers can't be deleted");
        }
        tracing::info!(parameters = names.len(), "leftovers deleted");
        self.tally
            .borrow_mut()
            .count(LEFTOVERS_DELETED, names.len() as u64);
        for instance in leftovers {
            self.over(instance);
        }
    }

    /// What the cluster says of itself, if any machine is to be told. It is asked in each round that issues, so
    /// that a new CA is pinned from its first moment on.
    async fn terms(&self, plans: &[(InstanceId, Plan)]) -> Option<Terms> {
        let issues = |(_, plan): &(InstanceId, Plan)| {
            matches!(plan, Plan::Issue(_) | Plan::Reissue { .. } | Plan::Ensure { .. })
        };
        if !plans.iter().any(issues) {
            return None;
        }
        let info = match self.cluster.as_ref()?.cluster_info().await {
            Ok(info) => info,
            Err(error) => {
                self.fail(error.into(), "nobody can be told how to join");
                return None;
            }
        };
        match pins(&info.ca_pem) {
            Ok(pins) => Some(Terms {
                endpoint: self.function.config.endpoint.clone().unwrap_or(info.endpoint),
                pins,
                puts: Semaphore::new(PUTS),
            }),
            Err(error) => {
                self.fail(
                    Failed::permanent(error.to_string()).of_cluster(),
                    "nobody can be told how to join",
                );
                None
            }
        }
    }

    async fn carry_out(
        &self,
        instance: &InstanceId,
        plan: &Plan,
        terms: Option<&Terms>,
    ) -> Result<Outcome, Failed> {
        match (plan, terms) {
            (Plan::Revoke { token, why: _ }, _) => self.revoke(instance, token.as_ref()).await,
            (Plan::Nothing(_) | Plan::Watch(_) | Plan::Wait(_), _) | (_, None) => Ok(Outcome::LookAgain),
            (Plan::Issue(node), Some(terms)) => self.issue(instance, node, terms).await,
            (Plan::Ensure { node, issued }, Some(terms)) => {
                self.ensure(instance, node, Some(&issued.token), terms).await
            }
            (Plan::Reissue { node, old }, Some(terms)) => {
                self.reissue(instance, node, old.as_ref(), terms).await
            }
        }
    }

    /// Gives the machine a token. The parameter comes first: to create it is the lock, and what is in it is what
    /// whoever comes next goes on with.
    async fn issue(&self, instance: &InstanceId, node: &NodeName, terms: &Terms) -> Result<Outcome, Failed> {
        let token = BootstrapToken::generate(&self.function.random)
            .map_err(|error| Failed::transient(error.to_string()))?;
        let issued = Issued::new(token.id().clone(), self.function.clock.now());
        match self.put(instance, node, &token, &issued, terms).await? {
            Stored::Created => {
                tracing::info!(instance_id = %instance, token = %token.id(), %node, "token issued");
                self.one(TOKENS_ISSUED);
                self.secure(instance, &token, &issued).await
            }
            Stored::Exists => match self.read(instance).await? {
                Some(Ok((token, issued))) => self.secure(instance, &token, &issued).await,
                Some(Err(())) | None => Ok(Outcome::LookAgain),
            },
        }
    }

    async fn put(
        &self,
        instance: &InstanceId,
        node: &NodeName,
        token: &BootstrapToken,
        issued: &Issued,
        terms: &Terms,
    ) -> Result<Stored, Failed> {
        let config = &self.function.config;
        let unknown = || Failed::transient(format!("instance {instance}: its group or machine is not known"));
        let group = self.facts.group(instance).ok_or_else(unknown)?;
        let machine = self.facts.machine(instance).ok_or_else(unknown)?;
        let document = Document {
            cluster: &config.common.cluster,
            instance,
            token,
            issued,
            endpoint: &terms.endpoint,
            pins: &terms.pins,
            node,
            labels: &Template::of_group(&group.tags).registration_labels(),
            kubeadm: config.kubeadm,
        };
        let text = document
            .render()
            .map_err(|error| Failed::permanent(error.to_string()))?;
        let tags = [
            ("InstanceArn", machine.arn.clone()),
            (CLUSTER_TAG, config.common.cluster.to_string()),
            ("lamplighter:deployment", config.common.deployment.clone()),
            ("ExpiresAt", issued.expires.to_string()),
        ];
        let new = NewParameter {
            name: &self.parameter_name(instance),
            value: &Secret::new(text.expose()),
            description: &issued.to_string(),
            key: &config.key,
            tags: &tags,
        };
        let _turn = terms.puts.acquire().await;
        self.one(count::AWS_CALLS);
        Ok(self.function.parameters.put_parameter(&new).await?)
    }

    /// Goes on with a parameter that is there. One whose value is not the document that its description speaks
    /// of is of no use to the machine either.
    async fn ensure(
        &self,
        instance: &InstanceId,
        node: &NodeName,
        described: Option<&TokenId>,
        terms: &Terms,
    ) -> Result<Outcome, Failed> {
        match self.read(instance).await? {
            Some(Ok((token, issued))) if Some(token.id()) == described => {
                self.secure(instance, &token, &issued).await
            }
            Some(_) => {
                self.revoke(instance, described).await?;
                self.issue(instance, node, terms).await
            }
            None => Ok(Outcome::LookAgain),
        }
    }

    /// Gives the machine another token. Only the sweep does, so that two rarely do it at once; and if somebody
    /// did it a moment ago, which the list may not show yet, theirs is the token.
    async fn reissue(
        &self,
        instance: &InstanceId,
        node: &NodeName,
        old: Option<&TokenId>,
        terms: &Terms,
    ) -> Result<Outcome, Failed> {
        if matches!(self.scope, Scope::These(_)) {
            return Ok(Outcome::LookAgain);
        }
        let is_ours = matches!(self.leaves.of(instance), Parameter::Issued(_));
        if is_ours
            && let Some(Ok((token, issued))) = self.read(instance).await?
            && !issued.is_nearly_over(self.function.clock.now())
        {
            return self.secure(instance, &token, &issued).await;
        }
        self.revoke(instance, old).await?;
        self.one(TOKENS_REISSUED);
        self.issue(instance, node, terms).await
    }

    /// Takes a token back: the Secret first, for the parameter is what names it.
    async fn revoke(&self, instance: &InstanceId, token: Option<&TokenId>) -> Result<Outcome, Failed> {
        if let Some(token) = token {
            let Some(cluster) = &self.cluster else {
                return Ok(Outcome::LookAgain); // said already
            };
            cluster.delete_token(token).await?;
        }
        self.delete_parameter(instance).await?;
        tracing::info!(instance_id = %instance, token = token.map(TokenId::as_str), "token revoked");
        self.one(TOKENS_REVOKED);
        Ok(Outcome::Revoked)
    }

    pub(crate) async fn delete_parameter(&self, instance: &InstanceId) -> Result<(), Failed> {
        self.one(count::AWS_CALLS);
        let name = self.parameter_name(instance);
        Ok(self.function.parameters.delete_parameters(&[name]).await?)
    }

    /// The token that the machine was given; an error if the value is not its document.
    pub(crate) async fn read(
        &self,
        instance: &InstanceId,
    ) -> Result<Option<Result<(BootstrapToken, Issued), ()>>, Failed> {
        self.one(count::AWS_CALLS);
        let name = self.parameter_name(instance);
        let Some(text) = self.function.parameters.find_secret(&name).await? else {
            return Ok(None);
        };
        let read = Document::read(text.expose(), &self.function.config.common.cluster, instance);
        Ok(Some(read.map_err(|error| {
            tracing::warn!(instance_id = %instance, error = error.to_string(), "the parameter is of no use");
        })))
    }

    fn parameter_name(&self, instance: &InstanceId) -> String {
        format!("{}/{instance}", self.function.config.path())
    }

    pub(crate) fn one(&self, what: Count) {
        self.tally.borrow_mut().one(what);
    }

    fn note(&mut self, instance: &InstanceId, outcome: Result<Outcome, Failed>) {
        match outcome {
            Ok(Outcome::Secured(issued)) => {
                let case = self.cases.entry(instance.clone()).or_default();
                case.confirmed = Some(issued);
            }
            Ok(Outcome::Revoked) => self.over(instance),
            Ok(Outcome::LookAgain) => {}
            Err(failed) => {
                // A person must help first, so asking again in this invocation is of no use. The tick asks again.
                if failed.class != Class::Transient {
                    self.over(instance);
                }
                self.fail(failed, "step failed");
            }
        }
    }

    fn over(&mut self, instance: &InstanceId) {
        self.cases.entry(instance.clone()).or_default().is_over = true;
    }
}

/// The leftovers, and all other plans.
fn sorted(plans: Vec<(InstanceId, Plan)>) -> (Vec<InstanceId>, Vec<(InstanceId, Plan)>) {
    let (leftovers, plans): (Vec<_>, Vec<_>) = plans
        .into_iter()
        .partition(|(_, plan)| matches!(plan, Plan::Revoke { token: None, .. }));
    (
        leftovers.into_iter().map(|(instance, _)| instance).collect(),
        plans,
    )
}
