//! What a log shows of a server and of a session: enough to follow them, and no secret.

use engine::client::{Event, Happening, Output};

use crate::client_world::{TOKEN, member};
use crate::world::World;

#[test]
fn a_server_is_shown_by_its_time_and_its_numbers() {
    let mut world = World::new();
    let host = world.create("部屋", "太郎");
    world.join("部屋", "花子");
    let shown = format!("{:?}", world.server);
    let census = "rooms: 1, members: 2, connections: 0, remembered_tokens: 0";
    assert!(shown.starts_with("Server { now: Instant(0), census: "), "{shown}");
    assert!(shown.contains(census) && !shown.contains(&host.token), "{shown}");
}

#[test]
fn what_a_session_does_is_shown_without_its_datagrams() {
    let mut member = member();
    let sent = member.outputs(Event::Say("内緒"));
    let [Output::Send(datagram)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(format!("{sent:?}"), format!("[Send({} bytes)]", datagram.len()));
    let shown = Output::Show(Happening::MemberLeft("太郎".to_owned()));
    assert_eq!(format!("{shown:?}"), r#"Show(MemberLeft("太郎"))"#);
}

#[test]
fn a_session_that_is_over_is_shown_by_the_reason_alone() {
    let mut member = member();
    assert_eq!(member.event(Event::LeaveNow), []);
    let farewell = String::from_utf8(member.farewell().unwrap()).unwrap();
    assert!(farewell.contains(TOKEN), "it is what must not be shown");
    assert_eq!(format!("{:?}", member.gone()), "Gone { reason: Left, .. }");
}
