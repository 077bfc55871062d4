//! What was let in goes on: the proxy asks once for each request, and a long answer or a WebSocket is one.

use super::application::SAYS;
use super::circles::{behind_both, signed_in};
use super::visitor::APP;
use super::world::World;
use crate::faults::proxy::Kind;

behind_both! {
    a_long_answer_goes_on_to_its_end_and_the_next_request_is_refused,
    an_upgraded_connection_stays_open_until_it_ends_by_itself,
}

fn a_long_answer_goes_on_to_its_end_and_the_next_request_is_refused(world: World) {
    let mut ada = signed_in(&world);
    let mut line = ada.connect(APP);
    let cookies = ada.cookies(APP);
    line.write(&format!("GET /long HTTP/1.1\r\nHost: {APP}\r\nCookie: {cookies}\r\n\r\n"));
    while world.application.asked().is_empty() {
        std::thread::yield_now();
    }
    world.revoke(&ada.session());
    world.application.go_on.send(()).unwrap();
    let (status, _) = line.head().unwrap();
    assert_eq!((status, line.read(10).as_str()), (200, "first-rest"));
    let next = ada.send(&mut line, "GET", "/", "", "");
    assert!(next.status == 302 && !next.body.contains(SAYS), "{next:?}");
}

fn an_upgraded_connection_stays_open_until_it_ends_by_itself(world: World) {
    let mut ada = signed_in(&world);
    let mut line = ada.connect(APP);
    let cookies = ada.cookies(APP);
    let upgrade = "Connection: Upgrade\r\nUpgrade: echo\r\n";
    line.write(&format!("GET /socket HTTP/1.1\r\nHost: {APP}\r\nCookie: {cookies}\r\n{upgrade}\r\n"));
    assert_eq!(line.head().unwrap().0, 101);
    line.write("before");
    assert_eq!(line.read(6), "before");
    world.revoke(&ada.session());
    line.write("after");
    assert_eq!(line.read(5), "after");
    // Another one is not let in.
    let next = ada.send(&mut ada.connect(APP), "GET", "/socket", upgrade, "");
    assert_eq!(next.status, 302, "{next:?}");
}
