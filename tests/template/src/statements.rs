//! The statements of all policies in a template, of roles, machines, queues and keys, whatever conditions they are under.

use serde_json::Value;

/// One statement of one policy.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    /// Name of the role, policy or key in the template.
    pub owner: &'a str,
    /// The statement itself.
    pub body: &'a Value,
}

impl<'a> Statement<'a> {
    /// Its name, empty when it has none.
    pub fn sid(&self) -> &'a str {
        self.body["Sid"].as_str().unwrap_or_default()
    }

    /// Its actions.
    pub fn actions(&self) -> Vec<&'a str> {
        one_or_many(&self.body["Action"])
            .filter_map(Value::as_str)
            .collect()
    }

    /// Whether it allows, rather than denies.
    pub fn allows(&self) -> bool {
        self.body["Effect"] == "Allow"
    }
}

/// Every statement with actions, trust policies left out: roles say there who may be them, not what they may do.
pub fn statements(template: &Value) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let resources = template["Resources"].as_object().into_iter().flatten();
    for (owner, resource) in resources {
        let properties = &resource["Properties"];
        let policies = properties["Policies"].as_array().into_iter().flatten();
        let documents = policies
            .map(|policy| &policy["PolicyDocument"])
            .chain([&properties["PolicyDocument"], &properties["KeyPolicy"]]);
        for document in documents {
            for entry in one_or_many(&document["Statement"]) {
                let bodies = branches(entry).into_iter();
                found.extend(bodies.map(|body| Statement { owner, body }));
            }
        }
    }
    found
}

/// What an entry can be: itself, or either branch of an `Fn::If` that is not `AWS::NoValue`.
fn branches(entry: &Value) -> Vec<&Value> {
    match entry["Fn::If"].as_array() {
        None => vec![entry],
        Some(parts) => parts
            .iter()
            .skip(1)
            .filter(|branch| branch["Ref"] != "AWS::NoValue")
            .flat_map(branches)
            .collect(),
    }
}

/// A list, or the one value that stands for it; nothing for `null`.
pub fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Value::Array(values) => (values.as_slice(), None),
        Value::Null => (Default::default(), None),
        value => (Default::default(), Some(value)),
    };
    many.iter().chain(one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statements_under_a_condition_are_found_too() {
        let template = json!({"Resources": {"Role": {"Properties": {"Policies": [{"PolicyDocument": {"Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": "a:B"},
            {"Fn::If": ["X", {"Sid": "B", "Effect": "Deny", "Action": ["c:D", "e:F"]}, {"Ref": "AWS::NoValue"}]},
        ]}}]}}}});
        let found = statements(&template);
        let sids: Vec<&str> = found.iter().map(Statement::sid).collect();
        assert_eq!(sids, ["A", "B"]);
        assert_eq!(found[1].actions(), ["c:D", "e:F"]);
        assert!(found[0].allows() && !found[1].allows());
    }
}
