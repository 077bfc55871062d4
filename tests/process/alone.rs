//! The binary by itself: in an empty folder, and with its demonstration.

use tempfile::TempDir;

use super::{Client, Program};

#[test]
fn the_binary_alone_in_an_empty_folder_serves_pages_with_their_styles() {
    let folder = TempDir::new().unwrap();
    let binary = folder.path().join("sessiond");
    std::fs::copy(env!("CARGO_BIN_EXE_sessiond"), &binary).unwrap();
    let program = Program::at(&binary, folder.path()).args(["serve", "--address", "127.0.0.1", "--port", "0"]);
    let mut server = program.listen();
    server.set_up();
    let mut person = server.sign_in();
    let page = person.get("/admin/sessions");
    assert_eq!(page.status, 200, "{}", page.body);
    let linked = |before: &str| {
        let links = page.body.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        links.filter(|link| link.starts_with("/static/")).map(str::to_owned).collect::<Vec<_>>()
    };
    let files: Vec<_> = [linked("href=\""), linked("src=\"")].concat();
    assert!(files.iter().filter(|file| file.contains(".css")).count() >= 2, "{files:?}");
    for file in files {
        let answer = person.get(file.split('#').next().unwrap_or_default());
        assert!(answer.status == 200 && answer.body.len() > 100, "{file}: {} {}", answer.status, answer.body);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "beside the binary there is only data: {left:?}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_demo_shows_a_thousand_sessions_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let program = Program::new(folder.path()).args(["serve", "--demo", "--address", "127.0.0.1", "--port", "0"]);
    let mut server = program.env("TMPDIR", &folder.path().to_string_lossy()).listen();
    let line = server.line_with("Demo: sign in as ");
    let words: Vec<_> = line.split(' ').collect();
    let (email, password) = (words[4], words[words.len() - 1]);

    let mut administrator = Client::new(server.address).sign_in(email, password);
    let page = administrator.get("/admin/sessions?status=any").body;
    let counts = page.split("<ul class=\"stats\"").nth(1).and_then(|rest| rest.split("</ul>").next()).unwrap();
    let counts = counts.split("<b>").skip(1).map(|rest| {
        let digits = rest.split("</b>").next().unwrap_or("").replace(|c: char| !c.is_ascii_digit(), "");
        digits.parse::<u32>().unwrap()
    });
    let counts: Vec<_> = counts.collect();
    assert_eq!((counts.len(), counts.iter().sum::<u32>()), (3, 1_001), "{counts:?}");
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");

    assert_eq!(server.stop().code, Some(0));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the throw-away database is still there");
}
