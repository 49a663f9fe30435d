//! The operations of the API: what each takes, what it does to the model, what it answers.

mod actions;
mod capacity;
mod changes;
mod describe;
mod filters;
mod groups;
mod hooks;
mod instances;
mod pages;
mod tags;

use jiff::Timestamp;

use crate::error::ApiError;
use crate::fleet::TemplateRef;
use crate::model::Model;
use crate::wire::{Element, Form};

pub(crate) use actions::{CompleteLifecycleAction, RecordLifecycleActionHeartbeat};
pub(crate) use capacity::{ResumeProcesses, SetDesiredCapacity, SuspendProcesses};
pub(crate) use describe::{DescribeAutoScalingGroups, DescribeAutoScalingInstances};
pub(crate) use groups::{CreateAutoScalingGroup, DeleteAutoScalingGroup, UpdateAutoScalingGroup};
pub(crate) use hooks::{DeleteLifecycleHook, DescribeLifecycleHooks, PutLifecycleHook};
pub(crate) use instances::{SetInstanceHealth, TerminateInstanceInAutoScalingGroup};
pub(crate) use tags::{CreateOrUpdateTags, DeleteTags, DescribeTags};

/// What an operation answers: most that change something answer nothing but a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    /// No result element at all.
    Nothing,
    /// The result element, under whatever name.
    Result(Element),
}

impl Response {
    /// A result element without content.
    fn empty() -> Self {
        Self::Result(Element::new("Result"))
    }
}

/// One operation of the API.
pub(crate) trait Call: Sized {
    /// Reads the parameters. Refuses what can be refused without looking at any group.
    fn parse(form: &Form) -> Result<Self, ApiError>;

    /// The launch templates that must exist before the operation is carried out; the ids and names that are not
    /// given are to be filled in.
    fn templates(&mut self) -> Vec<&mut TemplateRef> {
        Vec::new()
    }

    /// Carries it out.
    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError>;
}

macro_rules! operations {
    ($($name:ident,)*) => {
        /// An operation with its parameters.
        #[derive(Debug, Clone)]
        pub(crate) enum Operation { $($name($name),)* }

        impl Operation {
            /// Whether there is an operation of this name.
            pub(crate) fn exists(name: &str) -> bool {
                [$(stringify!($name)),*].contains(&name)
            }

            /// Reads the operation called `name`.
            pub(crate) fn parse(name: &str, form: &Form) -> Result<Self, ApiError> {
                match name {
                    $(stringify!($name) => $name::parse(form).map(Self::$name),)*
                    _ => Err(ApiError::new(
                        "InvalidAction",
                        format!("Could not find operation {name} for version 2011-01-01"),
                    )),
                }
            }

            /// See [`Call::templates`].
            pub(crate) fn templates(&mut self) -> Vec<&mut TemplateRef> {
                match self { $(Self::$name(call) => call.templates(),)* }
            }

            /// See [`Call::apply`].
            pub(crate) fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
                match self { $(Self::$name(call) => call.apply(model, now),)* }
            }
        }
    };
}

operations! {
    CompleteLifecycleAction,
    CreateAutoScalingGroup,
    CreateOrUpdateTags,
    DeleteAutoScalingGroup,
    DeleteLifecycleHook,
    DeleteTags,
    DescribeAutoScalingGroups,
    DescribeAutoScalingInstances,
    DescribeLifecycleHooks,
    DescribeTags,
    PutLifecycleHook,
    RecordLifecycleActionHeartbeat,
    ResumeProcesses,
    SetDesiredCapacity,
    SetInstanceHealth,
    SuspendProcesses,
    TerminateInstanceInAutoScalingGroup,
    UpdateAutoScalingGroup,
}

/// The longest name of a group, a hook or an instance type.
const LONGEST_NAME: usize = 255;

/// The parameter that names the group.
fn group_name(form: &Form) -> Result<String, ApiError> {
    form.name("AutoScalingGroupName", LONGEST_NAME)
}
