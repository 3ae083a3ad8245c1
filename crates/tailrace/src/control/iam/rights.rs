//! What a user may: policies of IAM's form, and what all that a user has of them allows together.

use serde::{Deserialize, Serialize};

use crate::control::refusal::{Refusal, Result};

/// Version of policies, as IAM has it.
const POLICY_VERSION: &str = "1.1";
/// Statements of a policy.
const STATEMENTS_MAX: usize = 8;
/// Actions of a statement.
const ACTIONS_MAX: usize = 100;
/// Characters of an action.
const ACTION_CHARS_MAX: usize = 128;

/// What an operation needs: names of one right in DRS's several vocabularies. It is there if one of them is allowed and none
/// is denied.
pub type Right = &'static [&'static str];

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// [`POLICY_VERSION`]
    #[serde(rename = "Version")]
    pub version: String,
    /// What is allowed and denied.
    #[serde(rename = "Statement")]
    pub statements: Vec<Statement>,
}

/// One sentence of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whether the actions are allowed or denied.
    #[serde(rename = "Effect")]
    pub effect: Effect,
    /// `service:resource:operation`, each part with `*` for any characters.
    #[serde(rename = "Action")]
    pub actions: Vec<String>,
}

/// Effect of a statement. What is denied by one is not allowed by any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
}

impl Policy {
    /// A policy that allows these.
    pub(crate) fn allowing(actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        let statements = vec![Statement { effect: Effect::Allow, actions }];
        Self { version: POLICY_VERSION.to_owned(), statements }
    }

    /// Checks what a user wrote. Only actions of DRS can be given: who may manage users is a matter of predefined roles, so
    /// that nobody gives himself more by a policy.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] or [`Refusal::Missing`] with the path below `Policy`.
    pub fn check(&self) -> Result<()> {
        if self.version != POLICY_VERSION {
            return Err(Refusal::invalid("Version", &self.version, POLICY_VERSION));
        }
        let count = self.statements.len();
        if !(1..=STATEMENTS_MAX).contains(&count) {
            let allowed = format!("1 to {STATEMENTS_MAX} statements");
            return Err(Refusal::invalid("Statement", count, allowed));
        }
        for (i, statement) in self.statements.iter().enumerate() {
            let count = statement.actions.len();
            if !(1..=ACTIONS_MAX).contains(&count) {
                let allowed = format!("1 to {ACTIONS_MAX} actions");
                return Err(Refusal::invalid(format!("Statement[{i}].Action"), count, allowed));
            }
            for (n, action) in statement.actions.iter().enumerate() {
                if !is_action(action) {
                    return Err(Refusal::invalid(
                        format!("Statement[{i}].Action[{n}]"),
                        action,
                        "drs:RESOURCE:OPERATION of letters, digits, - and _, with * for any of them, e.g. drs:*:get*",
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_action(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_name = |part: Option<&str>| {
        part.is_some_and(|part| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '_');
            !part.is_empty() && part.chars().all(fits)
        })
    };
    text.len() <= ACTION_CHARS_MAX
        && parts.next() == Some("drs")
        && is_name(parts.next())
        && is_name(parts.next())
        && parts.next().is_none()
}

/// What a user may in one place: all policies that hold there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl Rights {
    /// The rights that policies give together.
    pub fn of<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Self {
        let mut rights = Self::default();
        for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
            let list = match statement.effect {
                Effect::Allow => &mut rights.allowed,
                Effect::Deny => &mut rights.denied,
            };
            list.extend(statement.actions.iter().cloned());
        }
        rights
    }

    /// All rights: those of calls that no user makes.
    pub fn all() -> Self {
        Self { allowed: vec!["*:*:*".to_owned()], denied: Vec::new() }
    }

    /// Whether a right is there.
    pub fn allow(&self, right: Right) -> bool {
        let any = |patterns: &[String]| {
            patterns.iter().any(|pattern| right.iter().any(|name| matches(pattern, name)))
        };
        any(&self.allowed) && !any(&self.denied)
    }

    /// Refuses without a right.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn require(&self, right: Right) -> Result<()> {
        if self.allow(right) { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// Whether a pattern means an action: part by part, without regard to case.
fn matches(pattern: &str, action: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split(':'), action.split(':'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
            _ => return false,
        }
    }
}

fn part_matches(pattern: &str, part: &str) -> bool {
    let (pattern, mut rest) = (pattern.to_ascii_lowercase(), part.to_ascii_lowercase());
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == rest };
    if !rest.starts_with(head) {
        return false;
    }
    rest.drain(..head.len());
    let mut pieces: Vec<&str> = tail.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    // The first place of each piece between two stars is as good as any later one.
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest.drain(..at + piece.len());
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(effect: Effect, actions: &[&str]) -> Policy {
        let mut policy = Policy::allowing(actions);
        policy.statements[0].effect = effect;
        policy
    }

    #[test]
    fn patterns_match_part_by_part() {
        for (pattern, action, wanted) in [
            ("drs:migrationJob:get", "drs:migrationJob:get", true),
            ("drs:migrationjob:GET", "drs:migrationJob:get", true),
            ("drs:migrationJob:get", "drs:migrationJob:getLog", false),
            ("drs:*:get*", "drs:migrationJob:getLog", true),
            ("drs:*:get*", "drs:migrationJob:list", false),
            ("drs:*", "drs:migrationJob:list", false),
            ("*:*:*", "iam:users:createUser", true),
            ("drs:migration*:*", "drs:migrationJobs:create", true),
            ("drs:m*J*b:g*t*", "drs:migrationJob:getLog", true),
            ("drs:*ab:x", "drs:aab:x", true),
            ("drs:a*ba:x", "drs:aba:x", true),
            ("drs:ab*ba:x", "drs:aba:x", false),
            ("drs:*x*:y", "drs:abc:y", false),
        ] {
            assert_eq!(matches(pattern, action), wanted, "{pattern} {action}");
        }
    }

    #[test]
    fn what_is_denied_stays_denied_under_each_of_its_names() {
        const CREATE: Right = &["drs:migrationJob:create", "drs:migrationJobs:create"];
        let all = policy(Effect::Allow, &["drs:*:*"]);
        assert!(Rights::of([&all]).allow(CREATE));
        assert!(!Rights::of([]).allow(CREATE));
        let one = policy(Effect::Allow, &["drs:migrationJobs:create"]);
        assert!(Rights::of([&one]).allow(CREATE));
        for name in ["drs:migrationJob:create", "drs:migrationJobs:*", "drs:*:create"] {
            let denied = policy(Effect::Deny, &[name]);
            assert!(!Rights::of([&all, &denied]).allow(CREATE), "{name}");
            assert!(!Rights::of([&denied, &all]).allow(CREATE), "{name}");
            assert!(Rights::of([&denied, &all]).allow(&["drs:migrationJob:delete"]));
        }
        assert!(!Rights::of([&all]).allow(&["iam:users:createUser"]));
        assert!(Rights::all().allow(&["iam:users:createUser"]));
        assert_eq!(Rights::of([]).require(CREATE), Err(Refusal::Forbidden));
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_named() {
        let field = |policy: &Policy| match policy.check() {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let good = Policy::allowing(&["drs:*:*", "drs:migrationJob:get*"]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(field(&Policy { version: "5.0".into(), ..good.clone() }), "Version");
        assert_eq!(field(&Policy { statements: Vec::new(), ..good.clone() }), "Statement");
        let many = vec![good.statements[0].clone(); STATEMENTS_MAX + 1];
        assert_eq!(field(&Policy { statements: many, ..good }), "Statement");
        assert_eq!(field(&Policy::allowing(&[])), "Statement[0].Action");
        let long = format!("drs:{}:x", "a".repeat(ACTION_CHARS_MAX));
        for bad in
            ["", "*", "drs", "drs:x", "drs::x", "drs:a:b:c", "iam:*:*", "*:*:*", "drs:ä:x", &long]
        {
            assert_eq!(
                field(&Policy::allowing(&["drs:a:b", bad])),
                "Statement[0].Action[1]",
                "{bad}"
            );
        }
    }
}
