//! Runs of ASCII, which most text of most character sets consists of.

/// Bytes looked at together.
const STEP_BYTES: usize = 16;

/// How many bytes at the start are below 0x80.
pub(super) fn prefix_len(bytes: &[u8]) -> usize {
    let steps = bytes.chunks_exact(STEP_BYTES).take_while(|chunk| chunk.is_ascii()).count();
    let whole = steps.saturating_mul(STEP_BYTES);
    let rest = bytes.get(whole..).unwrap_or_default();
    whole.saturating_add(rest.iter().take_while(|byte| byte.is_ascii()).count())
}
