//! The real shell in a simulated world: the gateway, its transport and the fake provider over a network
//! of `turmoil`, in virtual time.
//!
//! Deadlines are those that are shipped, and cost no wall time. A seed is a world; it gives the same
//! bytes to the same callers for ever.

mod caller;
mod network;
mod said;
mod scene;
mod tally;
mod witness;
mod world;

pub use caller::{Ask, Heard, LIMIT};
pub use said::Said;
pub use tally::Tally;
pub use world::{Life, Plan, Site, Trouble};

use crate::Violation;
use scene::Scene;

/// Lives through the world of a seed, or says which promise was broken.
pub fn run(seed: u64) -> Result<Tally, Violation> {
    let scene = Scene::draw(seed);
    let lived = scene.plan.clone().live().and_then(|life| {
        witness::judge(&scene, &life)?;
        Ok(Tally::of(&scene, &life))
    });
    lived.map_err(|what| Violation { seed, what })
}
