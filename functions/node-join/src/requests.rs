//! Strict mode: the certificates that kubelets ask for with our tokens.

use std::collections::BTreeSet;

use access::Connect;
use aws::autoscaling::{DescribeGroups, DescribeHooks};
use aws_ec2::DescribeMachines;
use domain::ids::{InstanceId, NodeName};
use domain::join::{Decision, Holder, Parameter, Random, SigningRequest, TokenId, Verdict, judge};
use domain::node::Node;
use function::report::count;
use function::{Failed, Tally};
use kubernetes::{CountCalls as _, DecideSigningRequest as _, Ruling};
use runtime::clock::Clock;

use crate::facts::Facts;
use crate::rounds::{Round, View, nodes_named};
use crate::{Kubernetes, Parameters, REQUESTS_APPROVED, REQUESTS_DENIED, Scope};

impl<A, M, P, G, Q, R, C, L> Round<'_, A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    R: Random,
    C: Clock,
{
    /// Decides about the requests that were made with tokens of ours, by facts of this moment: a machine may have
    /// been given up since the invocation began.
    pub(crate) async fn judge(&mut self, view: &View) {
        let is_open = |request: &&SigningRequest| {
            request.decision == Decision::Pending
                && request.token().is_some_and(|token| self.is_in_scope(&token))
        };
        let requests: Vec<&SigningRequest> = view.requests.iter().filter(is_open).collect();
        if requests.is_empty() {
            return;
        }
        let mut spent = Tally::default();
        let facts = Facts::gather(self.function, self.scope, &mut spent).await;
        let is_complete = spent.failures().is_empty();
        self.tally.borrow_mut().add(spent);
        match facts {
            Ok(facts) => self.facts = facts,
            Err(failed) => return self.fail(failed, "requests for certificates wait"),
        }
        let nodes = match self.namesakes(&requests).await {
            Ok(nodes) => nodes,
            Err(failed) => return self.fail(failed, "requests for certificates wait"),
        };
        for request in requests {
            match self.verdict(request, view, &nodes) {
                // A denial is final for the kubelet, so it never rests on what could not be asked.
                Verdict::Deny(_) if !is_complete => {}
                verdict => self.rule(request, verdict).await,
            }
        }
    }

    /// The nodes that have the names already for which the requests may be, as they are now: the round has looked
    /// only at those of machines that something was left to do for, and may have done so before EC2 told of one.
    async fn namesakes(&self, requests: &[&SigningRequest]) -> Result<Vec<Node>, Failed> {
        let tokens = requests.iter().filter_map(|request| request.token());
        let holders = tokens.flat_map(|token| self.holders(&token));
        let names: BTreeSet<NodeName> = holders.filter_map(|instance| self.name(instance)).collect();
        let names: Vec<NodeName> = names.into_iter().collect();
        let Some(cluster) = &self.cluster else {
            return Ok(vec![]); // nor has anybody seen a request
        };
        let calls_before = cluster.calls();
        let nodes = nodes_named(cluster, &names).await;
        let calls = cluster.calls() - calls_before;
        self.tally.borrow_mut().count(count::KUBERNETES_CALLS, calls);
        Ok(nodes?)
    }

    /// The machines that a list of parameters gives this token to.
    fn holders(&self, token: &TokenId) -> Vec<&InstanceId> {
        let now = self.function.clock.now();
        let holds = |parameter: &Parameter| matches!(parameter, Parameter::Issued(issued) if issued.token == *token && issued.is_live(now));
        let leaves = self.leaves.iter().filter(|(_, parameter)| holds(parameter));
        leaves.map(|(instance, _)| instance).collect()
    }

    /// An invocation by events decides about its own machines; a token that nobody has is the sweep's.
    fn is_in_scope(&self, token: &TokenId) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::These(_) => self
                .holders(token)
                .iter()
                .any(|instance| self.scope.holds(instance)),
        }
    }

    fn verdict(&self, request: &SigningRequest, view: &View, nodes: &[Node]) -> Verdict {
        let now = self.function.clock.now();
        let Some(token) = request.token() else {
            return Verdict::Leave;
        };
        let holders = self.holders(&token);
        let name = holders.first().and_then(|instance| self.name(instance));
        let holder = match holders.as_slice() {
            [] => Holder::Nobody,
            [instance] => Holder::Machine {
                instance,
                waits: self.facts.waits(instance),
                machine: self.facts.machine(instance),
                name: name.as_ref(),
                node: nodes.iter().find(|node| Some(&node.name) == name.as_ref()),
            },
            several => Holder::Several(several.iter().map(|instance| (*instance).clone()).collect()),
        };
        judge(request, &view.requests, &holder, now)
    }

    async fn rule(&self, request: &SigningRequest, verdict: Verdict) {
        let (user, name) = (&request.user, &request.name);
        let dry_run = self.function.config.common.dry_run;
        let (is_approved, reason, message) = match verdict {
            Verdict::Leave => return,
            Verdict::Approve(node) => {
                tracing::info!(request = name, user, %node, dry_run, "certificate approved");
                (
                    true,
                    "Approved",
                    format!("Lamplighter: the token was given to the machine of node {node}"),
                )
            }
            Verdict::Deny(denial) => {
                let reason = denial.reason();
                tracing::warn!(
                    request = name,
                    user,
                    reason,
                    dry_run,
                    "certificate denied: {denial}"
                );
                (false, reason, format!("Lamplighter: {denial}"))
            }
        };
        let Some(cluster) = self.cluster.as_ref().filter(|_| !dry_run) else {
            return;
        };
        let at = self.function.clock.now();
        let ruling = Ruling {
            is_approved,
            reason,
            message,
            at,
        };
        let calls_before = cluster.calls();
        let written = cluster.decide(request, &ruling).await;
        let calls = cluster.calls() - calls_before;
        self.tally.borrow_mut().count(count::KUBERNETES_CALLS, calls);
        match written {
            Ok(()) if is_approved => self.one(REQUESTS_APPROVED),
            Ok(()) => self.one(REQUESTS_DENIED),
            // Somebody else decided, or the request is over; the next look shows which.
            Err(error) if error.is_conflict() || error.is_not_found() => {
                tracing::debug!(request = name, "the request has changed");
            }
            Err(error) => self.fail(error.into(), "the decision can't be written"),
        }
    }
}
