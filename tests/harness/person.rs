//! Somebody with a browser.

use std::net::IpAddr;

use rocket::local::asynchronous::LocalResponse;
use sessiond::domain::id::SessionId;

use super::{Answer, Ask, Form, Jar, PASSWORD, Server};

const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";

/// A browser with its own cookies, at one address.
#[derive(Clone)]
pub struct Person<'s> {
    server: &'s Server,
    pub jar: Jar,
    agent: String,
    address: IpAddr,
    headers: Vec<(String, String)>,
}

impl<'s> Person<'s> {
    pub fn new(server: &'s Server) -> Self {
        let address = IpAddr::from([192, 0, 2, 10]);
        Self { server, jar: Jar::default(), agent: AGENT.to_owned(), address, headers: Vec::new() }
    }

    /// At another address.
    pub fn at(mut self, address: &str) -> Self {
        self.address = address.parse().expect("an IP address");
        self
    }

    /// With another program.
    pub fn using(mut self, agent: &str) -> Self {
        agent.clone_into(&mut self.agent);
        self
    }

    /// Sending this header along each time, as a proxy in between would.
    pub fn sending(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a request with this browser's cookies, and keeps those of the answer.
    pub async fn send(&mut self, ask: Ask) -> Answer {
        let answer = self.send_from(ask, self.address).await;
        self.jar.take(answer.cookies(), self.server.now());
        answer
    }

    /// Sends a request with this browser's cookies, and leaves the body of the answer to be read.
    pub async fn begin(&self, ask: Ask) -> LocalResponse<'s> {
        self.server.begin(self.dressed(ask), self.address).await
    }

    async fn send_from(&self, ask: Ask, address: IpAddr) -> Answer {
        self.server.send(self.dressed(ask), address).await
    }

    /// With what this browser sends along.
    fn dressed(&self, mut ask: Ask) -> Ask {
        let host = self.server.origin.split("//").nth(1).unwrap_or_default();
        ask = ask.header("Host", host);
        if !ask.headers.iter().any(|(name, _)| name == "User-Agent") {
            ask = ask.header("User-Agent", self.agent.clone());
        }
        if let Some(cookies) = self.jar.header(self.server.now())
            && !ask.headers.iter().any(|(name, _)| name == "Cookie")
        {
            ask = ask.header("Cookie", cookies);
        }
        ask.headers.extend(self.headers.iter().cloned());
        ask
    }

    /// Types an address, or follows a link.
    pub async fn get(&mut self, uri: &str) -> Answer {
        self.send(Ask::get(uri).header("Accept", "text/html").header("Sec-Fetch-Site", "none")).await
    }

    /// The same to the page where the redirects end.
    pub async fn open(&mut self, uri: &str) -> Answer {
        let answer = self.get(uri).await;
        self.follow(answer).await
    }

    /// Goes where an answer points to.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            let Some(location) = answer.location().map(str::to_owned) else { return answer };
            assert_eq!(answer.status.code, 303, "{}", answer.shown());
            answer = self.get(&location).await;
        }
        panic!("redirects without end\n{}", answer.shown());
    }

    /// Presses the button of a form, as it stands or filled in.
    pub async fn submit(&mut self, form: Form) -> Answer {
        assert_eq!(form.method, "post", "{form:?}");
        let ask = Ask::post(form.action).form(form.fields);
        let ask = ask.header("Origin", self.server.origin.clone()).header("Sec-Fetch-Site", "same-origin");
        self.send(ask.header("Accept", "text/html")).await
    }

    /// Opens a page, fills in its form for `action` and sends it.
    pub async fn fill(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.open(page).await;
        self.submit(page.form(action).fill(fields)).await
    }

    /// Tries to sign in.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.fill("/login", "/login", &[("email", email), ("password", password)]).await
    }

    /// Signs in with the password that everybody has.
    pub async fn signed_in(mut self, email: &str) -> Self {
        self.sign_in(email, PASSWORD).await.goes_to("/account");
        self
    }

    pub async fn sign_out(&mut self) -> Answer {
        self.fill("/account", "/logout", &[]).await
    }

    /// What the cookie holds.
    pub fn credential(&self) -> Option<String> {
        self.jar.get(self.server.cookie_name()).map(str::to_owned)
    }

    /// Whether the next page would be shown. Asks a copy of this browser, so that nothing changes in it.
    pub async fn is_signed_in(&self) -> bool {
        let answer = self.clone().get("/probe/mine").await;
        match answer.status.code {
            200 => true,
            303 => false,
            _ => panic!("neither signed in nor out\n{}", answer.shown()),
        }
    }

    /// The public id of this browser's session, as the account page shows it.
    pub async fn session(&mut self) -> SessionId {
        let page = self.get("/account").await;
        let own = page.is(200).body.split("is-current").nth(1).unwrap_or_default();
        let id = own.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next()).unwrap_or_default();
        id.parse().unwrap_or_else(|error| panic!("{id}: {error}\n{}", page.shown()))
    }
}
