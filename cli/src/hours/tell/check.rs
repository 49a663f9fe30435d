//! Whether something can be told of a resource: a name with a mistake in it would wake nobody.

use domain::offhours::{Key, Resource};
use off_hours::Look;

use crate::exit::Error;

/// The most names that are proposed.
const NAMES: usize = 5;

/// Refuses what is not there, or is not ours to wake or put to sleep. What could not be seen is let pass, and said.
pub(super) fn can_be_told(look: &Look, resources: &[Key]) -> Result<Vec<String>, Error> {
    let seen = &look.sight.seen;
    let mut doubts = Vec::new();
    for key in resources {
        match seen.resources.iter().find(|resource| resource.key == *key) {
            Some(resource) => is_ours(resource)?,
            None if seen.unseen.contains(&key.kind()) => {
                doubts.push(format!("{key}: nobody could be asked whether it is there"));
            }
            None => return Err(unknown(key, look)),
        }
    }
    Ok(doubts)
}

fn is_ours(resource: &Resource) -> Result<(), Error> {
    let key = &resource.key;
    let why = match (&resource.settings, &resource.unsupported) {
        (Err(why), _) => format!("nothing is done about it, since its settings can't be read: {why}"),
        (Ok(_), Some(why)) => format!("it can't be put to sleep: {why}"),
        (Ok(settings), None) if settings.is_scheduled => return Ok(()),
        (Ok(_), None) => match resource
            .traits
            .scales
            .as_ref()
            .and_then(|scales| scales.target.as_ref())
        {
            Some(target) => {
                format!("it has no schedule of its own and follows {target}: tell it of that one")
            }
            None => "it has no schedule, and what has none is never touched".to_owned(),
        },
    };
    Err(Error::NotFound(format!("{key}: {why}")))
}

fn unknown(key: &Key, look: &Look) -> Error {
    let all: Vec<&Key> = look.plan.views.iter().map(|view| &view.key).collect();
    let near = near(key, &all);
    let near = if near.is_empty() {
        String::new()
    } else {
        format!("; there is {}", near.join(", "))
    };
    Error::NotFound(format!("{key}: there is no such resource{near}"))
}

/// Names that may have been meant: those that have this one in them or lie in it, or else others of the kind.
fn near(key: &Key, all: &[&Key]) -> Vec<String> {
    let is_near = |other: &&&Key| other.name().contains(key.name()) || key.name().contains(other.name());
    let of_kind = |other: &&&Key| other.kind() == key.kind();
    let mut near: Vec<&&Key> = all.iter().filter(is_near).collect();
    if near.is_empty() {
        near = all.iter().filter(of_kind).collect();
    }
    near.into_iter().take(NAMES).map(ToString::to_string).collect()
}
