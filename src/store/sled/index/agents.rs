//! What browsers said about themselves: few different texts, each kept once.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The most texts: whoever sends a new one with each sign-in must not fill the memory.
const MOST: usize = 4_096;

/// The number of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent(u32);

impl Agent {
    /// A text that there was no room for: only the record knows it.
    pub const UNKNOWN: Self = Self(u32::MAX);
}

/// See the module.
#[derive(Default)]
pub struct Agents {
    numbers: BTreeMap<Arc<str>, Agent>,
    texts: Vec<Text>,
    free: Vec<Agent>,
}

struct Text {
    text: Arc<str>,
    uses: u32,
}

/// The texts that contain what somebody looks for.
pub struct Matching(Vec<Agent>);

impl Matching {
    /// Whether it is one of them; `None` if the record must be asked.
    pub fn contains(&self, agent: Agent) -> Option<bool> {
        if agent == Agent::UNKNOWN { None } else { Some(self.0.binary_search(&agent).is_ok()) }
    }

    /// All whose entries may be meant.
    pub fn candidates(&self) -> impl Iterator<Item = Agent> {
        self.0.iter().copied().chain([Agent::UNKNOWN])
    }
}

impl Agents {
    /// The number of `text`, which one more entry has.
    pub fn take(&mut self, text: &str) -> Agent {
        if let Some(agent) = self.numbers.get(text) {
            self.texts[agent.0 as usize].uses += 1;
            return *agent;
        }
        let text: Arc<str> = text.into();
        let new = Text { text: Arc::clone(&text), uses: 1 };
        let agent = if let Some(agent) = self.free.pop() {
            self.texts[agent.0 as usize] = new;
            agent
        } else if self.texts.len() < MOST {
            self.texts.push(new);
            Agent(u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX))
        } else {
            return Agent::UNKNOWN;
        };
        self.numbers.insert(text, agent);
        agent
    }

    /// One entry fewer has it.
    pub fn release(&mut self, agent: Agent) {
        let Some(there) = self.texts.get_mut(agent.0 as usize) else { return };
        there.uses -= 1;
        if there.uses == 0 {
            self.numbers.remove(&there.text);
            there.text = "".into();
            self.free.push(agent);
        }
    }

    /// Those that contain `part`.
    pub fn matching(&self, part: &str) -> Matching {
        let mut matching: Vec<Agent> =
            self.numbers.iter().filter(|(text, _)| text.contains(part)).map(|(_, agent)| *agent).collect();
        matching.sort_unstable();
        Matching(matching)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_as_long_as_somebody_has_it() {
        let mut agents = Agents::default();
        let firefox = agents.take("firefox on linux");
        assert_eq!(agents.take("firefox on linux"), firefox);
        let curl = agents.take("curl");
        assert_ne!(curl, firefox);
        agents.release(firefox);
        assert_eq!(agents.matching("linux").contains(firefox), Some(true));
        agents.release(firefox);
        assert_eq!(agents.matching("linux").contains(firefox), Some(false));
        assert_eq!(agents.take("safari on ios"), firefox, "the number is free again");
        assert_eq!(agents.matching("s").contains(curl), Some(false));
    }

    #[test]
    fn there_is_an_end_to_new_texts() {
        let mut agents = Agents::default();
        for number in 0..MOST {
            assert_ne!(agents.take(&number.to_string()), Agent::UNKNOWN);
        }
        let late = agents.take("one too many");
        assert_eq!(late, Agent::UNKNOWN);
        assert_eq!(agents.matching("one").contains(late), None, "the record knows");
        agents.release(late);
        assert_ne!(agents.take("17"), Agent::UNKNOWN);
    }
}
