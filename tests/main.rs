//! The only integration-test binary; the first line of each module states its purpose.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod ask;
mod browser;
mod bundle;
mod cache;
mod catalogue;
mod chains;
mod ci;
mod compose;
mod costs;
mod crash;
mod derived;
mod designs;
mod docs;
mod engines;
mod errors;
mod explain;
mod figures;
mod fitting;
mod forecasting;
mod histories;
mod hostile;
mod identified;
mod intervals;
mod layering;
mod limits;
mod live;
mod lock;
mod meaning;
mod mixtures;
mod modules;
mod names;
mod nist;
mod places;
mod program;
mod properties;
mod published;
mod registries;
mod remote;
mod reports;
mod roles;
mod schedules;
mod shards;
mod shared_tables;
mod shares;
mod sources;
mod stacks;
mod streams;
mod study;
mod subject_to;
mod surroundings;
mod world;
