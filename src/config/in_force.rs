//! The settings in force, in one line.

use std::time::Duration;

use super::{Config, CookieDomain, Origin};
use crate::domain::lifetime::{Lifetime, Limits};
use crate::service::hasher::{Cost, Hashing};
use crate::service::throttle::{LoginLimits, Rate};

impl Config {
    /// What is in force, in one line: for the audit log. Nothing secret is in it, nor where secrets are.
    pub fn in_force(&self) -> String {
        let Self {
            data: _,
            public_url,
            cookie_domain,
            allowed_origins,
            trusted_proxies,
            limits,
            retention,
            password_hash,
            login_limits,
            second_factor,
            forgotten_password: _,
            operators,
            webhooks,
            project,
            sign_up,
        } = self;
        let life = |Lifetime { idle, absolute }: Lifetime| format!("{}/{}", span(idle), span(absolute));
        let list = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(",") };
        let rate = |rate: Rate| rate.to_string().replace(' ', "");
        let Hashing { cost: Cost { memory_kib, passes, lanes }, peppers } = password_hash;
        let pepper = if peppers.present().is_some() { "set" } else { "none" };
        let Limits { standard, persistent, administrator, sessions_per_user } = limits;
        let LoginLimits { per_ip, per_account, all, sign_ups } = login_limits;
        [
            format!("version={}", env!("CARGO_PKG_VERSION")),
            format!("public_url={}", public_url.as_ref().map_or("none", Origin::as_str)),
            format!("cookie_domain={}", cookie_domain.as_ref().map_or("none", CookieDomain::as_str)),
            format!("allowed_origins={}", list(allowed_origins.iter().map(ToString::to_string).collect())),
            format!("trusted_proxies={}", list(trusted_proxies.iter().map(ToString::to_string).collect())),
            format!("idle/absolute={}", life(*standard)),
            format!("persistent={}", life(*persistent)),
            format!("administrator={}", life(*administrator)),
            format!("sessions_per_user={sessions_per_user}"),
            format!("retention={}", span(*retention)),
            format!("password_hash={memory_kib}KiB,{passes},{lanes}"),
            format!("login_limits={},{},{},{}", rate(*per_ip), rate(*per_account), rate(*all), rate(*sign_ups)),
            format!("password_pepper={pepper}"),
            format!("second_factor={}", second_factor.code()),
            format!("webhooks={}", list(webhooks.iter().map(|webhook| webhook.name.to_string()).collect())),
            format!("project={project}"),
            format!("sign_up={sign_up}"),
            format!("operators={operators}"),
        ]
        .join(" ")
    }
}

/// `90d`, `15m`: in the largest unit that leaves nothing over.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let whole = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{seconds}s"), |(unit, letter)| format!("{}{letter}", seconds / unit))
}
