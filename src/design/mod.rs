//! Which runs to train next for a decision, their value, and when to stop.
//!
//! The fits give a joint distribution of the responses of runs and of the decision (`state`). Runs are chosen to
//! reduce the expected waste of the decision the most for their price (`search`), within every limit (`ledger`). The
//! remaining waste, times the compute of the decision, is compared with the cost of the runs (`plan`). The advice
//! (`advise`) reports this, next to the results of other designs (`comparisons`). Where the rows do not identify a law, its
//! distribution is a sample of plausible parameters (`open`), which chooses runs and gives no numbers.

mod advice;
mod advise;
mod beliefs;
mod candidates;
mod comparisons;
mod decision;
mod drift;
mod given;
mod identified;
mod launch;
mod ledger;
mod machine;
mod open;
mod outcome;
mod plan;
mod pool;
mod rivals;
mod search;
mod settings;
mod state;
mod terms;

pub use advice::{Advice, Believed, Change, Decided, Outcome, Outcomes, Rival, Run, Simulated, Unidentified, Worth};
pub use beliefs::{Belief, Beliefs, held};
pub use candidates::{Candidate, LeftOut};
pub use decision::{Decision, Judged};
pub use drift::{Drift, drift};
pub use given::Given;
pub use identified::left_open;
pub use launch::{csv, json, yaml};
pub use ledger::Ledger;
pub use machine::{Prices, Rate};
pub use open::{FEWEST_DRAWS, Open};
pub use outcome::Results;
pub use pool::Pool;
pub use rivals::{Grid, USUAL, Usual, usual};
pub use search::{Aim, Purpose, Search};
pub use settings::{
    Budget, Candidates, Choice, Decide, Decisions, Discrepancy, Limits, Machine, Schedule, Settings, Shape,
};
pub use state::{State, Without};
pub use terms::{Cost, Terms, rounds};
