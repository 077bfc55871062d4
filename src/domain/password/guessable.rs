//! Which passwords are tried first: those that leaked, those that anybody can build who knows whose they are, and those
//! that the fingers type by themselves.

use sha2::{Digest, Sha256};

use super::PasswordError;

/// Fingerprints of leaked passwords; see the file beside it.
static LEAKED: &[u8] = include_bytes!("leaked.bin");

/// What must be left of a password without the pieces that anybody would try.
const LEFT: usize = 8;
/// The longest piece that counts as one that is repeated.
const LONGEST_PIECE: usize = 8;
/// With fewer different characters a password is a repetition, too.
const DIFFERENT: usize = 5;
/// The shortest row of neighbours, and of one and the same character; shorter ones occur in words.
const ROW: usize = 4;
const SAME: usize = 3;
/// Shorter parts of names and addresses occur in other words.
const OWN: usize = 4;

/// Neighbours on keyboards, in the alphabet and among the digits. They count backwards as well.
const ROWS: [&str; 12] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+",
];

/// Words that are lengthened to a password by whoever has to, longer before shorter ones.
const WORDS: [&str; 24] = [
    "administrator",
    "passphrase",
    "trustno1",
    "changeme",
    "iloveyou",
    "password",
    "passwort",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "starwars",
    "welcome",
    "letmein",
    "default",
    "secret",
    "master",
    "monkey",
    "dragon",
    "shadow",
    "batman",
    "admin",
    "login",
];

/// What makes `text` easy to guess for somebody who knows `own`, the user's name and address.
pub fn check(text: &str, own: &[&str]) -> Result<(), PasswordError> {
    let typed: String = text.chars().flat_map(char::to_lowercase).collect();
    if is_repetition(&typed.chars().collect::<Vec<_>>()) {
        return Err(PasswordError::Repeated);
    }
    let foreign = without(&typed, own_words(own).iter().map(String::as_str));
    if foreign != typed && left(&without(&foreign, WORDS)) < LEFT {
        return Err(PasswordError::Own);
    }
    if left(&typed) < LEFT {
        return Err(PasswordError::Row);
    }
    if left(&without(&typed, WORDS)) < LEFT || is_leaked(&plain(text)) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// The letters and digits alone, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_leaked(plain: &str) -> bool {
    let digest: [u8; 32] = Sha256::digest(plain).into();
    let (known, _) = LEAKED.as_chunks::<8>();
    known.binary_search_by(|fingerprint| fingerprint[..].cmp(&digest[..8])).is_ok()
}

/// Whether a short piece makes all of it, the last time perhaps in part.
fn is_repetition(typed: &[char]) -> bool {
    let mut different = typed.to_vec();
    different.sort_unstable();
    different.dedup();
    let repeats = |piece: usize| typed.iter().zip(&typed[piece..]).all(|(one, next)| one == next);
    different.len() < DIFFERENT || (1..=LONGEST_PIECE.min(typed.len() / 2)).any(repeats)
}

/// Names and addresses, as they are and without what stands between their words, and the words; longer before shorter ones.
fn own_words(own: &[&str]) -> Vec<String> {
    let mut words = vec!["sessiond".to_owned()];
    for text in own {
        words.extend([text.to_lowercase(), plain(text)]);
        words.extend(text.split(|c: char| !c.is_alphanumeric()).map(plain));
    }
    words.retain(|word| word.chars().count() >= OWN);
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// `text` with a gap for each of the words.
fn without<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().fold(text.to_owned(), |text, word| text.replace(word, "\0"))
}

/// How many characters are left without gaps and rows.
fn left(text: &str) -> usize {
    let typed: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
    let (mut at, mut left) = (0, 0);
    while at < typed.len() {
        let row = row(&typed[at..]);
        left += usize::from(row == 1);
        at += row;
    }
    left
}

/// How long the row is that `typed` starts with; 1 if it is none.
fn row(typed: &[char]) -> usize {
    let same = typed.iter().take_while(|c| **c == typed[0]).count();
    if same >= SAME {
        return same;
    }
    let along = |row: &[char]| {
        let from = |at: usize| row[at..].iter().zip(typed).take_while(|(one, other)| one == other).count();
        (0..row.len()).map(from).max().unwrap_or(0)
    };
    let both_ways = |row: &&str| {
        let forwards: Vec<char> = row.chars().collect();
        let backwards: Vec<char> = row.chars().rev().collect();
        along(&forwards).max(along(&backwards))
    };
    let longest = ROWS.iter().map(both_ways).max().unwrap_or(0);
    if longest >= ROW { longest } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: [&str; 2] = ["grace.hopper@navy.example", "Grace Brewster Murray Hopper"];

    #[track_caller]
    fn assert_refused(error: PasswordError, passwords: &[&str]) {
        for password in passwords {
            assert!(password.chars().count() >= super::super::Password::SHORTEST, "{password}");
            assert_eq!(check(password, &OWNER), Err(error), "{password}");
        }
    }

    #[test]
    fn asvs_6_2_4_leaked_and_common_passwords_are_refused_however_they_are_dressed_up() {
        let known = LEAKED.len() / 8;
        assert!(known >= 3_000 && LEAKED.len().is_multiple_of(8), "{known}");
        assert!(LEAKED.as_chunks::<8>().0.is_sorted(), "it is searched by halves");
        assert_refused(
            PasswordError::Common,
            &[
                "30secondstomars",
                "30 Seconds to Mars",
                "perasperaadastra",
                "Per-aspera-ad-astra!",
                "Password1234567",
                "IloveyouAdmin!!1",
            ],
        );
    }

    #[test]
    fn asvs_6_2_11_the_users_own_words_and_the_servers_name_are_refused() {
        assert_refused(
            PasswordError::Own,
            &[
                "grace.hopper@navy.example",
                "GraceHopperNavy",
                "hopperhopper12!",
                "murray-brewster",
                "Sessiond-sessiond-1",
                "sessiondpassword",
            ],
        );
        assert_eq!(check("bob@example.com", &["bob@example.com", "Bob"]), Err(PasswordError::Own));
        assert_eq!(check("hopper likes green tea", &OWNER), Ok(()), "one word of several");
        assert_eq!(check("grace.hopper@navy.example", &[]), Ok(()), "somebody else's");
    }

    #[test]
    fn repetitions_and_rows_are_refused() {
        assert_refused(
            PasswordError::Repeated,
            &[
                "aaaaaaaaaaaaaaa",
                "banana banana banana",
                "passwordpassword",
                "hahahahahahahahah",
                "1112223331112223",
                "               ",
            ],
        );
        assert_refused(
            PasswordError::Row,
            &[
                "abcdefghijklmno",
                "qwertyuiop12345",
                "ZXCVBNM,asdfghjkl",
                "098765432109876",
                "1qaz2wsx3edc4rfv",
                "qwertzuiop!!!!!",
            ],
        );
    }

    #[test]
    fn asvs_6_2_5_any_characters_will_do_otherwise() {
        for good in [
            "a few words in a row",
            "correct horse battery",
            "#%@!)(*&^~`|}{<>?",
            "Füße auf dem Tisch 李",
            "🐑🐄🐖🐓🦆🐈🐕🐁🐇🦔🦊🐺🐗🐴🐝",
            "8c1f09d2b7e64a35",
        ] {
            assert_eq!(check(good, &OWNER), Ok(()), "{good}");
        }
    }
}
