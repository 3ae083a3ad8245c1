//! Control over a scripted data path.

mod comparing;
mod editing;
mod ending;
mod failing;
mod life;
mod policies;
mod restarting;
mod settings;
