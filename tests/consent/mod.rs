//! Consents and labels over HTTP, on both stores: the truth table T1 to T63, and each of the rules R1 to R24 and L1 to L6 of the
//! requirements (security, section 3). Tests are named by the ids that they show.
//!
//! Ward has no subscriptions and no bulk data: what T46 to T48, T55 and R20 say of them is shown of what takes their place (`deliveries`).
//! Not here, because what they speak of is not: of T41 `$document`, `$summary` and `$graphql`, and of T60 the server of terminology that
//! could be down. What a role sees in part is shown by `rest::elements` and `calls::elements_asked`.
//!
//! Withdrawing on another node is in `nodes::withdrawal`, times of answers (T49) are in `ward-loadgen`.

mod bases;
mod data;
mod deliveries;
mod glass;
mod hospital;
mod ids;
mod marks;
mod masks;
mod reads;
mod searches;
mod seen;
mod words;

pub use bases::day;
