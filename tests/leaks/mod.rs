//! What may not be told: logs, metrics and records of requests hold no value that a client sent or that is stored.

mod canary;
mod secrets;
