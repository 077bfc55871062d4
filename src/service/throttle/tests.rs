use super::table::MOST;
use super::*;

const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);
const MINUTE: Duration = Duration::from_mins(1);

fn limits(per_ip: &str, per_account: &str, all: &str) -> LoginLimits {
    let rate = |text: &str| text.parse().unwrap();
    LoginLimits { per_ip: rate(per_ip), per_account: rate(per_account), all: rate(all), ..LoginLimits::default() }
}

/// With limits of which only some matter.
fn throttle(per_ip: &str, per_account: &str, all: &str) -> Throttle {
    Throttle::new(limits(per_ip, per_account, all))
}

const PLENTY: &str = "1000000/1s";

fn stranger<'a>(from: &str, account: &'a str) -> Guesser<'a> {
    Guesser::Stranger { from: Some(from.parse().unwrap()), account }
}

/// How many of `most` guesses in a row are let through at this moment.
fn through(throttle: &Throttle, guesser: &Guesser<'_>, now: Timestamp, most: usize) -> usize {
    (0..most).filter(|_| throttle.ask(guesser, now).is_ok()).count()
}

#[test]
fn asvs_6_3_1_tries_are_used_up_and_come_back_one_by_one() {
    let throttle = throttle(PLENTY, "6/1m", PLENTY);
    let ada = stranger("192.0.2.1", "ada@example.com");
    assert_eq!(through(&throttle, &ada, START, 100), 6);
    let later = throttle.ask(&ada, START).unwrap_err();
    assert_eq!(later.after, Duration::from_secs(10));
    assert_eq!(through(&throttle, &ada, START + Duration::from_millis(9_999), 5), 0);
    assert_eq!(through(&throttle, &ada, START + Duration::from_secs(10), 5), 1);
    assert_eq!(through(&throttle, &ada, START + Duration::from_secs(40), 5), 3);
    assert_eq!(through(&throttle, &ada, START + MINUTE * 10, 100), 6, "never more at once");
}

#[test]
fn asvs_6_3_1_an_account_is_counted_as_typed_whoever_asks_and_from_wherever() {
    let throttle = throttle(PLENTY, "3/1h", PLENTY);
    for (from, account) in
        [("192.0.2.1", "ada@example.com"), ("192.0.2.2", " ADA@example.com "), ("2001:db8::1", "Ada@Example.COM")]
    {
        assert!(throttle.ask(&stranger(from, account), START).is_ok());
    }
    assert!(throttle.ask(&stranger("192.0.2.9", "ada@example.com"), START).is_err());
    assert!(throttle.ask(&stranger("192.0.2.9", "eve@example.com"), START).is_ok());
    let long = "x".repeat(100_000);
    assert_eq!(through(&throttle, &stranger("192.0.2.9", &long), START, 5), 3, "no address at all is one, too");
}

#[test]
fn asvs_6_3_1_a_network_is_one_address_or_one_64_of_the_newer_kind() {
    let throttle = throttle("2/1h", PLENTY, PLENTY);
    let let_in = |from| throttle.ask(&stranger(from, from), START).is_ok();
    assert!(let_in("192.0.2.1") && let_in("::ffff:192.0.2.1") && !let_in("192.0.2.1"));
    assert!(let_in("192.0.2.2"), "a neighbour");
    assert!(let_in("2001:db8:0:1::1") && let_in("2001:db8:0:1:ffff::2") && !let_in("2001:db8:0:1::3"));
    assert!(let_in("2001:db8:0:2::1"), "the next network");
    let nowhere = Guesser::Stranger { from: None, account: "ada@example.com" };
    assert_eq!(through(&throttle, &nowhere, START, 5), 2);
}

#[test]
fn asvs_6_3_1_everybodys_budget_bounds_what_many_addresses_try_on_many_accounts() {
    let throttle = throttle("10/1h", "10/1h", "50/1h");
    let mut let_in = 0;
    for n in 0..1_000_u32 {
        let (from, account) = (format!("10.0.{}.{}", n / 250, n % 250), format!("user{n}@example.com"));
        let_in += through(&throttle, &stranger(&from, &account), START, 1);
    }
    assert_eq!(let_in, 50);
}

#[test]
fn asvs_6_3_1_whoever_is_known_has_a_budget_of_their_own() {
    let throttle = throttle("5/1h", "3/1h", "5/1h");
    let (ada, bob): (UserId, UserId) = ("ada".parse().unwrap(), "bob".parse().unwrap());
    let stranger = stranger("192.0.2.1", "ada@example.com");
    assert_eq!(through(&throttle, &stranger, START, 100), 3);
    let (laptop, phone) = ([1; 16], [2; 16]);
    for guesser in [
        Guesser::Device { id: &laptop, user: &ada },
        Guesser::Device { id: &phone, user: &ada },
        Guesser::Device { id: &laptop, user: &bob },
    ] {
        assert_eq!(through(&throttle, &guesser, START, 100), 3, "{guesser:?}");
    }
    assert!(throttle.ask(&stranger, START).is_err());
}

#[test]
fn what_was_refused_and_what_was_given_back_takes_nothing() {
    let throttle = throttle("4/1h", "2/1h", PLENTY);
    let (ada, bob) = (stranger("192.0.2.1", "ada@example.com"), stranger("192.0.2.1", "bob@example.com"));
    for _ in 0..100 {
        throttle.give_back(throttle.ask(&ada, START).unwrap());
    }
    assert_eq!(through(&throttle, &ada, START, 100), 2);
    // Of the address two are left: refused for the account, nothing was taken from the address.
    assert_eq!(through(&throttle, &bob, START, 100), 2);
    assert!(throttle.ask(&stranger_elsewhere(), START).is_ok());
    // Guesses at once count before any of them is known to be wrong.
    let carol = stranger("192.0.2.3", "carol@example.com");
    let permits: Vec<_> = (0..2).map(|_| throttle.ask(&carol, START).unwrap()).collect();
    assert!(throttle.ask(&carol, START).is_err());
    for permit in permits {
        throttle.give_back(permit);
    }
    assert!(throttle.ask(&carol, START).is_ok());
}

fn stranger_elsewhere() -> Guesser<'static> {
    stranger("192.0.2.2", "dora@example.com")
}

#[test]
fn asvs_16_3_3_a_burst_is_told_once_in_the_limits_own_time() {
    let throttle = throttle(PLENTY, "2/1m", PLENTY);
    let mut told = 0;
    // A request each tenth of a second for ten minutes, from ever new addresses.
    for tenth in 0..6_000_u32 {
        let from = format!("10.{}.{}.1", tenth / 250, tenth % 250);
        let asked = throttle.ask(&stranger(&from, "ada@example.com"), START + Duration::from_millis(100) * tenth);
        told += usize::from(asked.is_err_and(|later| later.first));
    }
    assert_eq!(told, 10);
}

#[test]
fn asvs_15_2_2_memory_is_bounded_and_a_flood_does_not_wash_away_what_counts() {
    let throttle = throttle("10/1h", "10/1h", PLENTY);
    let ada = stranger("192.0.2.1", "ada@example.com");
    assert_eq!(through(&throttle, &ada, START, 100), 10);
    for n in 0..3 * u32::try_from(MOST).unwrap() {
        let from = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n);
        let account = format!("user{n}@example.com");
        let guesser = Guesser::Stranger { from: Some(from.into()), account: &account };
        assert!(throttle.ask(&guesser, START).is_ok());
    }
    let sizes = || {
        let used = throttle.used.lock().unwrap();
        [used.networks.len(), used.accounts.len(), used.known.len()]
    };
    assert!(sizes().iter().all(|size| *size <= MOST), "{:?}", sizes());
    assert!(throttle.ask(&ada, START).is_err(), "the one that was used up is remembered");
    // An hour later none of them matters any more, and the next look finds that out.
    for n in 0..u32::try_from(MOST).unwrap() {
        let from = std::net::Ipv4Addr::from_bits(0x0b00_0000 + n);
        let guesser = Guesser::Stranger { from: Some(from.into()), account: "" };
        let now = START + MINUTE * 70 + Duration::from_hours(2) * n;
        let _ = throttle.ask(&guesser, now);
    }
    assert!(sizes()[0] <= 2_048, "{:?}", sizes());
}
