//! Parameters of the Query protocol: `Name=value`, `List.member.1=value`, `Structure.Name=value`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::error::ApiError;

/// The parameters below one place of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    /// Where these parameters are, as error messages name it: empty, or `tags.1.member.`.
    place: String,
    fields: BTreeMap<String, String>,
}

impl Form {
    /// Reads an `application/x-www-form-urlencoded` body or query.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self {
            place: String::new(),
            fields: form_urlencoded::parse(encoded).into_owned().collect(),
        }
    }

    /// The value, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.fields.get(name).cloned()
    }

    /// The value, which must be there and must not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<String, ApiError> {
        match self.fields.get(name) {
            None => Err(self.violation(name, None, "Member must not be null")),
            Some(value) if value.is_empty() => Err(self.violation(
                name,
                Some(value),
                "Member must have length greater than or equal to 1",
            )),
            Some(value) => Ok(value.clone()),
        }
    }

    /// The value, which must be there and must have at most `longest` characters.
    pub(crate) fn name(&self, name: &str, longest: usize) -> Result<String, ApiError> {
        let value = self.required(name)?;
        if value.chars().count() > longest {
            let rule = format!("Member must have length less than or equal to {longest}");
            return Err(self.violation(name, Some(&value), &rule));
        }
        Ok(value)
    }

    /// A whole number within `range`, if it is there.
    pub(crate) fn number(&self, name: &str, range: &RangeInclusive<u32>) -> Result<Option<u32>, ApiError> {
        let Some(text) = self.fields.get(name) else {
            return Ok(None);
        };
        let number: i64 = text
            .parse()
            .map_err(|_| ApiError::new("MalformedInput", format!("'{text}' is not a number")))?;
        let (least, most) = (i64::from(*range.start()), i64::from(*range.end()));
        if number < least {
            let rule = format!("Member must have value greater than or equal to {least}");
            return Err(self.violation(name, Some(text), &rule));
        }
        u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| {
                self.violation(
                    name,
                    Some(text),
                    &format!("Member must have value less than or equal to {most}"),
                )
            })
    }

    /// `true` or `false`, if it is there.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.fields.get(name).map(String::as_str) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::new(
                "MalformedInput",
                format!("'{other}' is not a boolean"),
            )),
        }
    }

    /// One of `choices`, if it is there.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(text) = self.fields.get(name) else {
            return Ok(None);
        };
        let found = choices.iter().find(|(word, _)| word == text);
        found.map(|&(_, value)| Some(value)).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|&(word, _)| word).collect();
            let rule = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            self.violation(name, Some(text), &rule)
        })
    }

    /// A value that must be there.
    pub(crate) fn present<T>(&self, name: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| self.violation(name, None, "Member must not be null"))
    }

    /// The names of all parameters here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The structure at `name`, if any of its members is there.
    pub(crate) fn structure(&self, name: &str) -> Option<Self> {
        let prefix = format!("{name}.");
        let fields = self.below(&prefix);
        (!fields.is_empty()).then(|| Self {
            place: format!("{}{}.", self.place, camel(name)),
            fields,
        })
    }

    /// The texts of a list, in order; `None` when the list is not in the request at all.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let members = self.members(name);
        if members.is_empty() {
            // An empty list is sent as a bare `Name=`.
            return self.fields.contains_key(name).then(Vec::new);
        }
        Some(
            members
                .into_iter()
                .filter_map(|mut member| member.fields.remove(""))
                .collect(),
        )
    }

    /// The structures of a list, in order.
    pub(crate) fn structures(&self, name: &str) -> Vec<Self> {
        self.members(name)
    }

    /// A refusal of the value at `name`.
    pub(crate) fn violation(&self, name: &str, value: Option<&str>, rule: &str) -> ApiError {
        ApiError::constraint(value, &format!("{}{}", self.place, camel(name)), rule)
    }

    fn below(&self, prefix: &str) -> BTreeMap<String, String> {
        let matching = self
            .fields
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
        matching
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    /// The members of a list in numeric order. A member that is a plain value has it under the empty name.
    fn members(&self, name: &str) -> Vec<Self> {
        let mut members: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        for (key, value) in self.below(&format!("{name}.member.")) {
            let (index, rest) = key.split_once('.').unwrap_or((&key, ""));
            if let Ok(index) = index.parse() {
                members.entry(index).or_default().insert(rest.to_owned(), value);
            }
        }
        let place = |index| format!("{}{}.{index}.member.", self.place, camel(name));
        members
            .into_iter()
            .map(|(index, fields)| Self {
                place: place(index),
                fields,
            })
            .collect()
    }
}

/// `AutoScalingGroupName` as AWS's messages write it: `autoScalingGroupName`.
fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_numeric_order_and_structures_nest() {
        let form = Form::parse(
            b"Zones.member.10=j&Zones.member.2=b&Tags.member.1.Key=team&Tags.member.1.Value=a%26b&None=",
        );
        assert_eq!(form.texts("Zones").unwrap(), ["b", "j"]);
        assert_eq!(form.texts("None").unwrap(), Vec::<String>::new());
        assert_eq!(form.texts("Absent"), None);
        let tags = form.structures("Tags");
        assert_eq!(tags[0].required("Value").unwrap(), "a&b");
    }

    #[test]
    fn a_violation_names_value_place_and_rule() {
        let form = Form::parse(b"Tags.member.1.Key=&HeartbeatTimeout=7&Result=MAYBE");
        let message = |error: ApiError| error.message;
        assert_eq!(
            message(form.structures("Tags")[0].required("Key").unwrap_err()),
            "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: \
             Member must have length greater than or equal to 1"
        );
        assert_eq!(
            message(form.number("HeartbeatTimeout", &(30..=7200)).unwrap_err()),
            "1 validation error detected: Value '7' at 'heartbeatTimeout' failed to satisfy constraint: \
             Member must have value greater than or equal to 30"
        );
        assert_eq!(
            message(
                form.choice("Result", &[("CONTINUE", 1), ("ABANDON", 2)])
                    .unwrap_err()
            ),
            "1 validation error detected: Value 'MAYBE' at 'result' failed to satisfy constraint: \
             Member must satisfy enum value set: [CONTINUE, ABANDON]"
        );
        assert_eq!(
            message(form.required("AutoScalingGroupName").unwrap_err()),
            "1 validation error detected: Value null at 'autoScalingGroupName' failed to satisfy constraint: \
             Member must not be null"
        );
    }
}
