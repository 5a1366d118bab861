//! The world on one thread: many requests, a handful of fake providers, their outages, one board.
//!
//! A seed is a world: who there is, who fails when and how, who asks when. Time is virtual. Every
//! action of every exchange is witnessed, and the promises of the house are checked at every step.
//! In [`shell`] it is the whole gateway that lives there, behind a network.
//!
//! **Invariant:** nothing here reads a clock or draws entropy: a seed gives the same world, and the
//! same trace, for ever.

mod dice;
mod figures;
mod nines;
mod provider;
mod scene;
pub mod shell;
mod story;
mod watched;
mod witness;
mod world;

pub use figures::{Figures, Violation};
pub use nines::{Bounds, Losses, Setup, Tally, bounds, nines, outages_alone, theory};

/// Lives through the world of a seed, or says which promise was broken.
pub fn run(seed: u64) -> Result<Figures, Violation> {
    world::World::new(scene::Scene::draw(seed)).live().map_err(|what| Violation { seed, what })
}
