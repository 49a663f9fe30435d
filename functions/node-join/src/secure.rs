//! The Secret that makes a token valid, and the proof that it does. No Secret is ever read: whether one of that
//! name is ours is told by the door that the token opens.

use access::Connect;
use aws::autoscaling::{DescribeGroups, DescribeHooks};
use aws_ec2::DescribeMachines;
use domain::ids::InstanceId;
use domain::join::{BootstrapToken, Issued, Random};
use function::Failed;
use jiff::SignedDuration;
use kubernetes::{CreateToken as _, DeleteToken as _, Made, NewToken, TryToken as _};
use runtime::clock::Clock;

use crate::apply::Outcome;
use crate::rounds::Round;
use crate::{Kubernetes, Parameters, TOKEN_COLLISIONS};

/// Pauses before a token is tried: an API server hears of a new Secret a moment after it was created.
const PAUSES: [SignedDuration; 5] = [
    SignedDuration::ZERO,
    SignedDuration::from_millis(200),
    SignedDuration::from_millis(400),
    SignedDuration::from_millis(800),
    SignedDuration::from_millis(1_600),
];

impl<A, M, P, G, Q, R, C, L> Round<'_, A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    R: Random,
    C: Clock,
{
    /// Sees that the token opens the door: creates its Secret, unless one of its name is there, and tries it.
    pub(crate) async fn secure(
        &self,
        instance: &InstanceId,
        token: &BootstrapToken,
        issued: &Issued,
    ) -> Result<Outcome, Failed> {
        let (Some(cluster), Some(group)) = (&self.cluster, self.facts.group(instance)) else {
            return Ok(Outcome::LookAgain); // said already
        };
        let new = NewToken {
            token,
            issued,
            group: self.function.config.policy.mode.group(),
            instance,
            asg: &group.name,
        };
        let made = cluster.create_token(&new).await?;
        if made == Made::Created && !self.is_still_given(instance, token).await? {
            // Another invocation took the token back while we made its Secret, which nobody would delete any more.
            cluster.delete_token(token.id()).await?;
            return Ok(Outcome::LookAgain);
        }
        if self.opens(cluster, token).await? {
            tracing::info!(instance_id = %instance, token = %token.id(), "token opens the door");
            return Ok(Outcome::Secured(issued.clone()));
        }
        match made {
            Made::Exists => {
                // A Secret of that name with another secret in it: somebody else's, which is left alone.
                tracing::warn!(instance_id = %instance, token = %token.id(), "token is somebody else's; another one");
                self.one(TOKEN_COLLISIONS);
                self.delete_parameter(instance).await?;
                Ok(Outcome::LookAgain)
            }
            Made::Created => {
                cluster.delete_token(token.id()).await?;
                self.delete_parameter(instance).await?;
                let problem = "the API server does not know it, after its Secret was created";
                let hint = "is --enable-bootstrap-token-auth on?";
                let message = format!("token {}: {problem}: {hint}", token.id());
                Err(Failed::permanent(message).of_cluster())
            }
        }
    }

    /// Whether the machine still has a parameter with this token.
    async fn is_still_given(&self, instance: &InstanceId, token: &BootstrapToken) -> Result<bool, Failed> {
        let found = self.read(instance).await?;
        Ok(matches!(found, Some(Ok((found, _))) if found == *token))
    }

    async fn opens(&self, cluster: &G::Cluster, token: &BootstrapToken) -> Result<bool, Failed> {
        for pause in PAUSES {
            self.function.clock.sleep(pause).await;
            match cluster.try_token(token).await? {
                Some(user) if user == token.id().user() => return Ok(true),
                Some(user) => {
                    let message = format!("token {}: its bearer is taken for {user}", token.id());
                    return Err(Failed::permanent(message).of_cluster());
                }
                None => {}
            }
        }
        Ok(false)
    }
}
