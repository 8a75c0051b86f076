//! Param packs: the server's commands, the agent's replies, the boot information.

use crate::wire::codec::{self, DecodeError, Reader};
use crate::wire::value::Map;

/// What a Param pack is about.
pub mod id {
    /// Boot information, from the agent.
    pub const AGENT_BOOT_ENV: i32 = 2;
    /// Asks for whatap.conf.
    pub const CONFIGURE_GET: i32 = 4;
    /// Asks for the process environment.
    pub const GET_ENV: i32 = 12;
    /// Changes whatap.conf.
    pub const SET_CONFIG: i32 = 14;
    /// Asks for the names of the log files.
    pub const AGENT_LOG_LIST: i32 = 22;
    /// Asks for a piece of a log file.
    pub const AGENT_LOG_READ: i32 = 23;
    /// Asks for the scrape configuration.
    pub const OPENMX_SCRAPE_CONFIG_GET: i32 = 580;
    /// Changes the scrape configuration.
    pub const OPENMX_SCRAPE_CONFIG_SET: i32 = 581;
}

/// A command when `request` is not 0, else a reply or information.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Param {
    /// What it is about: one of [`id`].
    pub id: i32,
    /// The server's number of the command; 0 in a reply.
    pub request: i64,
    /// The number of the command it answers; 0 in a command.
    pub response: i64,
    /// Arguments or answers.
    pub map: Map,
}

impl Param {
    /// Information that answers no command.
    pub fn information(id: i32, map: Map) -> Self {
        Self { id, request: 0, response: 0, map }
    }

    /// The reply to this command, with these entries put into what the command carried, as the Go agent answers.
    #[must_use]
    pub fn reply(mut self, answers: Map) -> Self {
        for (key, value) in answers.iter() {
            self.map.put(key, value.clone());
        }
        Self { id: self.id, request: 0, response: self.request, map: self.map }
    }

    /// Appends the body.
    pub fn write(&self, out: &mut Vec<u8>) {
        codec::write_i32(out, self.id);
        codec::write_decimal(out, self.request);
        codec::write_decimal(out, self.response);
        self.map.write_entries(out);
    }

    /// Reads the body.
    ///
    /// # Errors
    /// What the codec refuses.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.i32("command")?,
            request: r.decimal("request")?,
            response: r.decimal("response")?,
            map: Map::read_entries(r)?,
        })
    }
}
