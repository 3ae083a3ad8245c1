//! Free TCP ports on the loopback address that no other test process takes meanwhile.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

use crate::cache::{self, Lock};

/// First port handed out. The range ends below 32768, where Linux starts to give ports to
/// outgoing connections, so that no client socket can sit on a reserved port.
const FIRST: u16 = 18_000;
/// Ports in the range.
const COUNT: u16 = 14_000;

/// Consecutive ports, ours until this value is dropped or its process ends.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _locks: Vec<Lock>,
}

impl Ports {
    /// Reserves `count` consecutive ports that nothing listens on.
    pub fn reserve(count: u16) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let dir = cache::dir("ports")?;
        // Processes begin at different places, so that they seldom meet at all.
        let offset = (process::id() % u32::from(COUNT)) as u16;
        for _ in 0..COUNT / count.max(1) {
            let step = NEXT.fetch_add(count, Ordering::Relaxed);
            let first = FIRST + offset.wrapping_add(step) % (COUNT - count);
            let mut locks = Vec::new();
            for port in first..first + count {
                match Lock::take(&dir.join(port.to_string()))? {
                    Some(lock) if is_free(port) => locks.push(lock),
                    _ => break,
                }
            }
            if locks.len() == usize::from(count) {
                return Ok(Self { first, _locks: locks });
            }
        }
        bail!("no {count} consecutive free ports in {FIRST}..{}", FIRST + COUNT)
    }

    /// Ports that the caller has chosen; an error when something listens there.
    pub fn fixed(first: u16, count: u16) -> Result<Self> {
        for port in first..first.saturating_add(count) {
            if !is_free(port) {
                bail!(
                    "port {port} of 127.0.0.1 is taken: choose another or stop what listens there"
                );
            }
        }
        Ok(Self { first, _locks: Vec::new() })
    }

    /// The first port; the others follow it.
    pub fn first(&self) -> u16 {
        self.first
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_do_not_overlap_and_skip_ports_in_use() {
        let one = Ports::reserve(8).unwrap();
        let two = Ports::reserve(8).unwrap();
        assert!(one.first().abs_diff(two.first()) >= 8);
        let listener = TcpListener::bind(("127.0.0.1", one.first())).unwrap();
        let taken = Ports::fixed(one.first(), 1).unwrap_err().to_string();
        assert!(taken.contains(&one.first().to_string()), "{taken}");
        drop(listener);
        Ports::fixed(one.first(), 1).unwrap();
    }
}
