//! Runs the targets' bodies over mutations of their corpus, without libFuzzer: a stable compiler is
//! enough, and no C++ is built.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --no-default-features --example smoke -- [--seconds 10] [--seed N] [TARGET…]
//! ```
//!
//! The seed is printed first; the same seed makes the same inputs in the same order. An input that
//! panics, or that takes longer than `INPUT_SECONDS_MAX`, is written to `fuzz/artifacts/TARGET` and
//! ends the run with a failure. Without coverage feedback this finds less than `cargo xtask fuzz`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tailrace_fuzz::{TARGETS, Target};

/// One input may take so long.
const INPUT_SECONDS_MAX: u64 = 10;
/// Seconds per target without `--seconds`.
const SECONDS_DEFAULT: u64 = 10;
/// Inputs do not grow beyond this.
const INPUT_BYTES_MAX: usize = 16 << 10;
/// Mutations of one input.
const MUTATIONS_MAX: usize = 6;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("smoke: {reason}");
            return ExitCode::from(2);
        }
    };
    println!("seed {}, {} s per target", options.seed, options.seconds.as_secs());
    let mut failed = false;
    for target in TARGETS {
        if options.targets.is_empty() || options.targets.iter().any(|name| name == target.0) {
            failed |= !run(target, &options);
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Options {
    seconds: Duration,
    seed: u64,
    targets: Vec<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut options = Self {
            seconds: Duration::from_secs(SECONDS_DEFAULT),
            seed: now.as_secs(),
            targets: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let text = arguments.next().ok_or(format!("{argument} wants a number"))?;
                text.parse::<u64>().map_err(|_| format!("{argument} {text}: a number is wanted"))
            };
            match argument.as_str() {
                "--seconds" => options.seconds = Duration::from_secs(number()?),
                "--seed" => options.seed = number()?,
                name if TARGETS.iter().any(|(known, _)| *known == name) => {
                    options.targets.push(argument);
                }
                other => return Err(format!("`{other}` is no target: {}", names().join(" "))),
            }
        }
        Ok(options)
    }
}

fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|(name, _)| *name).collect()
}

/// Runs one target; false if it failed.
fn run((name, body): Target, options: &Options) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = match corpus(&root.join("corpus").join(name)) {
        Ok(corpus) => corpus,
        Err(error) => {
            eprintln!("{name}: corpus: {error}");
            return false;
        }
    };
    let mut random =
        Random(options.seed ^ name.bytes().fold(1, |sum, byte| sum * 31 + u64::from(byte)));
    let watch = Watch::begin(root.join("artifacts").join(name), options.seed);
    let begin = Instant::now();
    let mut inputs = 0_u64;
    while inputs < corpus.len() as u64 || begin.elapsed() < options.seconds {
        // The corpus as it is comes first.
        let input = match usize::try_from(inputs).ok().and_then(|at| corpus.get(at)) {
            Some(input) => input.clone(),
            None => mutated(&corpus, &mut random),
        };
        inputs += 1;
        let input = watch.see(inputs, input);
        if std::panic::catch_unwind(|| body(&input)).is_err() {
            eprintln!("{name}: input {inputs} panicked: {}", watch.keep(inputs, &input));
            return false;
        }
    }
    println!("{name}: {inputs} inputs, {} of the corpus", corpus.len());
    true
}

/// Ends the process when one input takes too long: its body cannot be stopped from outside.
struct Watch {
    directory: PathBuf,
    seed: u64,
    /// The input at work and its number.
    now: Arc<Mutex<Numbered>>,
    /// Dropping it ends the watch.
    _end: SyncSender<()>,
}

type Numbered = (u64, Arc<Vec<u8>>);

impl Watch {
    fn begin(directory: PathBuf, seed: u64) -> Self {
        let now = Arc::new(Mutex::new((0, Arc::new(Vec::new()))));
        let (end, ended) = sync_channel(1);
        let watch = Self { directory, seed, now: Arc::clone(&now), _end: end };
        let directory = watch.directory.clone();
        std::thread::spawn(move || {
            let mut last = (0, Instant::now());
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let (number, input) = lock(&now).clone();
                if number != last.0 {
                    last = (number, Instant::now());
                } else if last.1.elapsed().as_secs() >= INPUT_SECONDS_MAX {
                    let kept = keep(&directory, &input, seed, number);
                    eprintln!("input {number} took more than {INPUT_SECONDS_MAX} s: {kept}");
                    std::process::exit(1);
                }
            }
        });
        watch
    }

    fn see(&self, number: u64, input: Vec<u8>) -> Arc<Vec<u8>> {
        let input = Arc::new(input);
        *lock(&self.now) = (number, Arc::clone(&input));
        input
    }

    fn keep(&self, number: u64, input: &[u8]) -> String {
        keep(&self.directory, input, self.seed, number)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of a corpus in the order of their names, so that a seed means the same everywhere.
fn corpus(directory: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}

fn keep(directory: &Path, input: &[u8], seed: u64, number: u64) -> String {
    let path = directory.join(format!("smoke-{seed}-{number}"));
    let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, input));
    match written {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("not kept: {error}; {input:?}"),
    }
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// 0 to `end` - 1; 0 if there is nothing to choose.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0).checked_rem(end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// A file of the corpus with a few changes.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus.get(random.below(corpus.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(MUTATIONS_MAX) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(16)).min(input.len());
        match random.below(8) {
            0 => input.insert(at, random.byte()),
            1 => drop(input.drain(at..end)),
            2 => input.truncate(at),
            3 => change(&mut input, at, |byte| byte ^ (1 << random.below(8))),
            4 => change(&mut input, at, |_| random.byte()),
            5 => change(&mut input, at, |_| [0, 1, 0x7F, 0x80, 0xFE, 0xFF][random.below(6)]),
            6 => {
                let piece = input[at..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            // A piece of another file.
            _ => {
                let other = corpus.get(random.below(corpus.len())).map_or(&[][..], Vec::as_slice);
                let from = random.below(other.len() + 1);
                let until = (from + random.below(64)).min(other.len());
                input.splice(at..end, other[from..until].iter().copied());
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(input: &mut [u8], at: usize, with: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = with(*byte);
    }
}
