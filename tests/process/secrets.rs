//! No secret in what the program prints, however much it is asked to say.

use sessiond::domain::clock::{Clock, SystemClock};
use sessiond::domain::second_factor::TotpSecret;
use tempfile::TempDir;

use super::{EMAIL, PASSWORD, Program};

const WRONG: &str = "several words that are wrong";
const NEW: &str = "seven brave otters juggle";

#[test]
fn asvs_16_2_5_no_issued_token_or_password_is_in_the_logs() {
    for level in ["debug", "trace"] {
        let data = TempDir::new().unwrap();
        let mut server = Program::serve(data.path()).env("SESSIOND_LOG", level).listen();
        server.set_up();
        let mut administrator = server.sign_in();
        let (mut person, revoked) = (server.sign_in(), server.sign_in());
        let mut secrets = vec![PASSWORD.to_owned(), WRONG.to_owned()];
        for client in [&administrator, &person, &revoked] {
            // The secret is the last 32 of 64 bytes; from the 44th letter on there is nothing else in the text.
            secrets.push(client.credential()[44..].to_owned());
        }
        secrets.push(administrator.token("/account"));
        let mut stranger = server.client();
        let refused = stranger.submit("/login", "/login", &[("email", EMAIL), ("password", WRONG)]);
        assert_eq!(refused.status, 401);
        administrator.revoke(&revoked.session_id(), "");
        assert!(!revoked.at(server.address).get("/account").is_signed_in());
        person.submit("/account", "/logout", &[("scope", "all")]);
        let everyone = [("password", WRONG)];
        let mut again = server.sign_in();
        secrets.push(again.credential()[44..].to_owned());
        assert_eq!(again.submit("/admin/sessions/everyone", "/admin/sessions/everyone", &everyone).status, 401);

        let fields = |present| [("password", present), ("new_password", NEW), ("new_password_again", NEW)];
        assert_eq!(again.submit("/account/password", "/account/password", &fields(WRONG)).status, 401);
        assert_eq!(again.submit("/account/password", "/account/password", &fields(PASSWORD)).status, 303);
        secrets.extend([NEW.to_owned(), again.credential()[44..].to_owned()]);

        let new = "/account/second-factor/new";
        let page = again.get(new).body;
        let between = |text: &str, start: &str, end: &str| {
            text.split(start).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or_default().to_owned()
        };
        let secret = between(&page, "name=\"secret\" value=\"", "\"");
        let shown = TotpSecret::from_base32(&secret).expect("a secret").code(SystemClock::default().now());
        let fields = [("secret", secret.as_str()), ("shown", &shown), ("password", NEW)];
        let codes = again.submit(new, new, &fields).body;
        let codes: Vec<_> = codes
            .split("<li><code>")
            .skip(1)
            .map(|rest| rest.split("</code>").next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(codes.len(), 10);
        let fields = [("email", EMAIL), ("password", NEW), ("code", codes[0].as_str())];
        assert_eq!(server.client().submit("/login", "/login", &fields).status, 303);
        assert_eq!(server.client().submit("/login", "/login", &fields).status, 401);
        secrets.push(secret);
        secrets.extend(codes);

        let exited = server.stop();
        assert_eq!(exited.code, Some(0));
        assert!(!exited.stderr.is_empty(), "nothing is logged at {level}");
        for secret in secrets {
            assert!(!exited.stdout.contains(&secret) && !exited.stderr.contains(&secret), "{level}: {secret}");
        }
    }
}
