//! People who sign in again and again, for as long as a block of reads takes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::browser::Browser;
use crate::record::{Phase, Record};
use crate::run::Measured;
use crate::service::SIGN_IN;
use crate::target::Target;

/// Attempts from one address; a server slows those that come after some hundred of one.
const ATTEMPTS_PER_ADDRESS: u32 = 100;

/// People at the sign-in page.
pub struct Crowd(Vec<Person>);

struct Person {
    browser: Browser,
    csrf: String,
    /// In 127.0.0.0/8, which are all this machine.
    network: u32,
    attempts: u32,
}

/// A crowd that signs in until it is told to leave.
pub struct Arriving {
    phase: Arc<Phase>,
    begun: Instant,
    people: JoinSet<Result<(Person, Record), String>>,
}

impl Crowd {
    /// Opens the page for each of them.
    pub async fn gather(target: &Target, people: usize) -> Result<Crowd, String> {
        let mut crowd = Vec::with_capacity(people);
        for network in 0..people as u32 {
            let mut browser = Browser::new(&target.authority);
            browser.come_from(address(network, 0));
            let page = browser.get(SIGN_IN).await?;
            let csrf = page
                .csrf()
                .ok_or("the sign-in page has no form")?
                .to_owned();
            crowd.push(Person {
                browser,
                csrf,
                network,
                attempts: 0,
            });
        }
        Ok(Crowd(crowd))
    }

    pub fn arrive(self) -> Arriving {
        let phase = Phase::new(None);
        phase.measure();
        let mut people = JoinSet::new();
        for mut person in self.0 {
            let phase = phase.clone();
            people.spawn(async move {
                let mut record = Record::new(phase.clone());
                while !phase.stopped() {
                    person.signs_in(&mut record).await?;
                }
                Ok((person, record))
            });
        }
        Arriving {
            phase,
            begun: Instant::now(),
            people,
        }
    }
}

impl Arriving {
    /// Waits for what is under way; the crowd, and what it has seen.
    pub async fn leave(mut self) -> Result<(Crowd, Measured), String> {
        self.phase.stop();
        let mut record = Record::new(self.phase.clone());
        let mut crowd = Vec::new();
        while let Some(ended) = self.people.join_next().await {
            let (person, seen) = ended.map_err(|e| format!("a client ended: {e}"))??;
            record.merge(seen);
            crowd.push(person);
        }
        let measured = Measured {
            clients: crowd.len(),
            seconds: self.begun.elapsed().as_secs_f64(),
            record,
            server: None,
            database: None,
            own_cpu_ms: 0,
        };
        Ok((Crowd(crowd), measured))
    }
}

impl Person {
    /// As somebody else each time, with a password that is nobody's: it is hashed all the same, and refused.
    async fn signs_in(&mut self, record: &mut Record) -> Result<(), String> {
        self.attempts += 1;
        if self.attempts.is_multiple_of(ATTEMPTS_PER_ADDRESS) {
            let move_to = address(self.network, self.attempts / ATTEMPTS_PER_ADDRESS);
            self.browser.come_from(move_to);
        }
        let name = format!("nobody-{}-{}", self.network, self.attempts);
        let fields = [
            ("username", name.as_str()),
            ("password", "a password that is nobody's"),
            ("csrf", &self.csrf),
        ];
        let begun = Instant::now();
        let answer = self.browser.send(SIGN_IN, &fields).await?;
        match answer.status {
            400 => record.answered("sign-in", begun.elapsed(), answer.text().len()),
            status => record.failed(format!("sign-in: {status}")),
        }
        Ok(())
    }
}

/// A network of 256 addresses for each, of which they come from one after the other; never 127.0.0.1.
fn address(network: u32, at: u32) -> IpAddr {
    let [.., high, low] = (network + 1).to_be_bytes();
    let [.., last] = (at % 250 + 2).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(127, high.wrapping_add(1), low, last))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_comes_from_addresses_of_their_own() {
        let of = |network| (0..250).map(move |at| address(network, at));
        let all: HashSet<IpAddr> = (0..20).flat_map(of).collect();
        assert_eq!(all.len(), 20 * 250);
        assert!(all.iter().all(IpAddr::is_loopback));
        assert!(!all.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
}
