//! `LIKE` over texts whose characters are one byte each.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// `%`
    Any,
    /// `_`
    One,
    /// This byte, or one that is equal to it.
    Byte(u8),
}

impl Pattern {
    /// Reads a pattern. An escape character at its end is itself.
    pub(super) fn new(pattern: &str, escape: char) -> Self {
        let mut steps = Vec::new();
        let mut signs = pattern.chars().peekable();
        while let Some(sign) = signs.next() {
            let escaped = if sign == escape { signs.next() } else { None };
            match (escaped, sign) {
                (None, '%') => steps.push(Step::Any),
                (None, '_') => steps.push(Step::One),
                (escaped, sign) => {
                    let mut buffer = [0; 4];
                    let literal = escaped.unwrap_or(sign).encode_utf8(&mut buffer);
                    steps.extend(literal.bytes().map(Step::Byte));
                }
            }
        }
        Self { steps }
    }

    /// Whether a text matches; `None` if text or pattern have a byte without a rank.
    pub(super) fn matches(&self, text: &[u8], rank: impl Fn(u8) -> Option<u8>) -> Option<bool> {
        let known = |step: &Step| !matches!(step, Step::Byte(byte) if rank(*byte).is_none());
        if !self.steps.iter().all(known) || text.iter().any(|byte| rank(*byte).is_none()) {
            return None;
        }
        let fits = |step: Option<&Step>, byte: &u8| match step {
            Some(Step::One) => true,
            Some(Step::Byte(wanted)) => rank(*wanted) == rank(*byte),
            Some(Step::Any) | None => false,
        };
        let (mut at, mut step) = (0_usize, 0_usize);
        // Where the last `%` stands, and how much of the text it takes at least.
        let mut last: Option<(usize, usize)> = None;
        while let Some(byte) = text.get(at) {
            match self.steps.get(step) {
                Some(Step::Any) => {
                    last = Some((step, at));
                    step = step.saturating_add(1);
                }
                found if fits(found, byte) => {
                    at = at.saturating_add(1);
                    step = step.saturating_add(1);
                }
                _ => {
                    let Some((any, taken)) = &mut last else { return Some(false) };
                    *taken = taken.saturating_add(1);
                    (at, step) = (*taken, any.saturating_add(1));
                }
            }
        }
        let rest = self.steps.get(step..).unwrap_or_default();
        Some(rest.iter().all(|step| *step == Step::Any))
    }
}
