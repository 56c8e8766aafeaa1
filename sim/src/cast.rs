//! The names and texts of a world. Most are Japanese: their sizes in bytes are not their lengths.

/// A room's name by its number. Some are as long as names may be, and one is as long as a `{` says.
pub(crate) fn room(number: usize) -> String {
    match number % 8 {
        0 => "部屋".to_owned(),
        1 => "Lounge".to_owned(),
        2 => "lounge".to_owned(),
        3 => "あ".repeat(85),
        4 => "{".repeat(123),
        5 => "部屋 \"2\" \\".to_owned(),
        6 => "caf\u{e9}".to_owned(),
        _ => "cafe\u{301}".to_owned(),
    }
}

/// The password of a room by its number. Half of them have none.
pub(crate) fn password(room: usize) -> &'static str {
    if room.is_multiple_of(2) { "" } else { "開けゴマ" }
}

/// What is no room's password, though one begins like a room's and another begins with it.
pub(crate) const WRONG_PASSWORDS: [&str; 3] = ["1234", "開けゴ", "開けゴマ "];

/// A name by its number: a few that are easily confused, and then one for each number.
pub(crate) fn user(number: usize) -> String {
    match number {
        0 => "太郎".to_owned(),
        1 => "太郎 ".trim_end().to_owned() + "2",
        2 => "花子".to_owned(),
        3 => "う".repeat(85),
        4 => "bob".to_owned(),
        5 => "Bob".to_owned(),
        _ => format!("利用者{number}"),
    }
}

/// What somebody says.
pub(crate) fn text(number: usize) -> String {
    match number % 16 {
        0 => "やあ".to_owned(),
        1 => "🦀".repeat(40),
        2 => "SYSTEM_MESSAGE_TIME_OUT".to_owned(),
        3 => " SYSTEM_HOST_MESSAGE_TIME_OUT".to_owned(),
        4 => "長".repeat(1500),
        5 => "a".repeat(4093),
        6 => "中".repeat(number * 7 % 400),
        _ => format!("メッセージ{number}"),
    }
}

/// Payloads for requests: odd ones, and some that are good.
pub(crate) const PAYLOADS: [&str; 21] = [
    "{}",
    "[]",
    "",
    "not json",
    r#"{"user_name":"a""#,
    r#"{"user_name":5}"#,
    r#"{"user_name":null}"#,
    r#"{"user_name":"a","user_name":"b"}"#,
    r#"{"user_name":"a","password":null,"password":""}"#,
    r#"{"user_name":"a","password":7}"#,
    r#"{"user_name":"a","token":[]}"#,
    r#"{"user_name":"a","features":[1]}"#,
    r#"{"user_name":"a","features":"notices"}"#,
    r#"{"user_name":"a"} x"#,
    r#"{"user_name":" a"}"#,
    r#"{"user_name":"a\u0000b"}"#,
    r#"{"user_name":"\u202ea"}"#,
    r#" {"user_name":"\u592a\u90ce\u3055\u3093","extra":{"a":[1,2]}} "#,
    r#"{"user_name":"seed","password":null,"features":["notices","x"]}"#,
    r#"{"user_name":"bundler","features":["x","bundle"]}"#,
    r#"{"user_name":"original","token":"","password":""}"#,
];
