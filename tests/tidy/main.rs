//! The rules of the house as a test: floors, lengths, bans. Each finding names what to do instead.

mod graph;
mod source;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use graph::Graph;
use source::Source;

/// Lines of a file, tests included: what a reader can hold.
const FILE_LINES_MAX: usize = 600;

/// What each room may import (docs/ARCHITECTURE.md, "Floors"). A room may always import itself.
const FLOORS: &[(&str, &[&str])] = &[
    ("wire", &["iris-protocol::RecvBuf"]),
    ("vector", &[]),
    ("types", &["wire", "vector", "iris-protocol::Decimal", "iris-protocol::calendar"]),
    ("copy", &["types", "wire", "vector"]),
    ("bridge", &["types", "wire", "vector", "iris-protocol"]),
    ("sql", &["types", "wire", "vector", "iris-protocol", "copy"]),
    ("catalog", &["sql", "bridge", "types", "wire", "vector", "iris-protocol", "copy"]),
    ("auth", &["wire"]),
    ("session", &["auth", "sql", "catalog", "bridge", "types", "wire", "vector", "copy", "iris-protocol"]),
    (
        "runtime",
        &["session", "auth", "sql", "catalog", "bridge", "types", "wire", "vector", "copy", "iris-protocol", "config"],
    ),
];

/// The packages of the repository below the gateway, and which of them each may know.
const PACKAGES: &[(&str, &[&str])] = &[("iris-protocol", &[]), ("iris-standin", &["iris-protocol"])];

/// Where the code of the packages is.
const SOURCES: &[&str] = &["src", "crates/iris-protocol/src", "crates/iris-standin/src"];

/// All that is ours to keep in order.
const FOLDERS: &[&str] = &["src", "crates", "tests", "benches", "loadtest"];

/// Floors inside of a room, the lowest first: each imports itself and those below it. Of two places that a file is in, the
/// inner one counts.
const INNER_FLOORS: &[(&str, &[&[&str]])] = &[
    ("session", &[&["contract"], &["client"], &["understand"], &["run"], &["protocol"]]),
    (
        "sql",
        &[
            &["lex", "iris_text"],
            &["split", "template", "syntax"],
            &[
                "rules",
                "description",
                "named_type",
                "schema",
                "rule_notes",
                "rule_text",
                "writes",
                "write_plan",
                "plpgsql",
                "plan",
                "options",
                "cache",
            ],
            &["translate/context"],
            &["translate/value"],
            &["translate/expr"],
            &["translate/query"],
            &["translate"],
            &["finish"],
            &["write_back"],
        ],
    ),
    ("iris-standin", &[&["kernels"], &["engine"], &["server"]]),
];

/// Types whose methods stand in many files of a room: to call one is to import the file that it stands in. `engine` and
/// `server` are the stand-in's.
const SPREAD: &[graph::Spread<'_>] =
    &[("sql", "Cx"), ("engine", "Translator"), ("engine", "Ddl"), ("server", "Session")];

/// Files, and what they import nothing of.
const APART: &[(&[&str], &str)] = &[
    (
        &[
            "src/sql/plan.rs",
            "src/sql/schema.rs",
            "src/sql/options.rs",
            "src/sql/description.rs",
            "src/sql/writes.rs",
            "src/sql/write_plan.rs",
        ],
        "src/sql/translate",
    ),
    // What a plain SELECT goes through.
    (
        &[
            "src/session/protocol/simple.rs",
            "src/session/protocol/executing.rs",
            "src/session/protocol/ready.rs",
            "src/session/run/script.rs",
            "src/session/run/bind.rs",
        ],
        "src/session/run/cursor",
    ),
];

/// How many files of a room may import each other in a circle.
const CIRCLE_FILES_MAX: &[(&str, usize)] = &[
    ("session", CIRCLE_FILES_GOAL),
    ("sql", CIRCLE_FILES_GOAL),
    ("runtime", CIRCLE_FILES_GOAL),
    ("catalog", CIRCLE_FILES_GOAL),
    ("iris-protocol", CIRCLE_FILES_GOAL),
    ("iris-standin", CIRCLE_FILES_GOAL),
];
const CIRCLE_FILES_GOAL: usize = 6;

/// Rooms that handle bytes of a peer: nothing there may panic.
const PEER_ROOMS: &[&str] = &[
    "wire",
    "iris-protocol",
    "iris-standin",
    "bridge",
    "auth",
    "session",
    "copy",
    "types",
    "vector",
    "sql",
    "catalog",
    "runtime",
];

/// What nothing from a peer may reach, and what to write instead.
const PEER_BANS: &[(&str, &str)] = &[
    (".unwrap()", "return an error, or use `let .. else`, `unwrap_or`, `ok_or`"),
    (".expect(", "return an error, or use `let .. else`, `unwrap_or`, `ok_or`"),
    ("panic!(", "return an error; a panic costs a core"),
    ("unreachable!(", "make the state impossible, or return an internal error (XX000)"),
    ("assert!(", "return an error; `debug_assert!` may say what must hold of our own values"),
    ("assert_eq!(", "return an error; `debug_assert_eq!` may say what must hold of our own values"),
];

/// What is banned in all code that is no test, and what to write instead.
const BANS: &[(&str, &str)] = &[
    ("println!(", "`tracing` events; only the command line prints (`writeln!` to a locked handle)"),
    ("eprint!(", "`tracing` events; only the command line prints"),
    ("dbg!(", "`tracing::debug!`"),
    ("todo!(", "finish it"),
    ("unimplemented!(", "`PgError::unsupported`, with a sentence that helps"),
    ("std::process::exit(", "return an error to main"),
    ("#[allow(dead_code)]", "delete what is dead"),
];

/// Kernels of vector instructions, each beside a scalar twin.
const UNSAFE_FOLDERS: &[&str] = &["src/vector/simd", "crates/iris-standin/src/kernels"];

const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under these folders of the repository, sorted.
fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut out);
    }
    out.sort();
    assert!(!out.is_empty(), "no Rust files in {folders:?}");
    out
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// The room of a file of `src`: its first folder, or the file's own name. The other packages are a room each.
fn room(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap();
    let mut parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
    let _package_folder = parts.next();
    parts.next().unwrap().trim_end_matches(".rs").to_owned()
}

#[derive(Default)]
struct Findings(String, usize);

impl Findings {
    fn add(&mut self, path: &Path, line: usize, text: impl std::fmt::Display) {
        self.1 += 1;
        let _ = writeln!(self.0, "{}:{line}: {text}", relative(path));
    }

    fn none(self) {
        assert!(self.1 == 0, "{} findings:\n{}", self.1, self.0);
    }
}

#[test]
fn files_are_short_and_end_with_a_newline() {
    let mut findings = Findings::default();
    for path in rust_files(FOLDERS) {
        let text = fs::read_to_string(&path).unwrap();
        let count = text.lines().count();
        if count > FILE_LINES_MAX {
            findings.add(&path, count, format_args!("more than {FILE_LINES_MAX} lines: split it by what it does"));
        }
        if !text.ends_with('\n') || text.ends_with("\n\n") {
            findings.add(&path, count, "a file ends with one newline");
        }
    }
    findings.none();
}

fn graph() -> Graph {
    Graph::read(&root().join("src"), &rust_files(&["src"]), SPREAD)
}

/// Of each package one.
fn graphs() -> Vec<Graph> {
    SOURCES.iter().map(|folder| Graph::read(&root().join(folder), &rust_files(&[folder]), SPREAD)).collect()
}

#[test]
fn imports_point_down_the_floors() {
    let mut findings = Findings::default();
    let graph = graph();
    for (from, arrows) in graph.files.iter().zip(&graph.arrows) {
        let own = room(from);
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == own) else { continue };
        for (to, line) in arrows {
            let target = room(&graph.files[*to]);
            if target != own && !allowed.contains(&target.as_str()) {
                findings.add(from, *line, not_allowed(&own, allowed, &target));
            }
        }
        for (line, text) in Source::read(from).product_lines() {
            for target in packages_named(text).filter(|target| !allows(allowed, target)) {
                findings.add(from, line, not_allowed(&own, allowed, &target));
            }
        }
    }
    findings.none();
}

fn not_allowed(own: &str, allowed: &[&str], target: &str) -> String {
    let names = if allowed.is_empty() { "nothing".into() } else { allowed.join(", ") };
    format!("{own}/ may import {names}, not {target}")
}

/// What a line names of the other packages: `iris-protocol::Item`. The gateway knows `iris-protocol` as `crate::iris` too.
fn packages_named(line: &str) -> impl Iterator<Item = String> {
    let spellings =
        [("iris_protocol", "iris-protocol"), ("crate::iris", "iris-protocol"), ("iris_standin", "iris-standin")];
    spellings.into_iter().flat_map(move |(spelling, package)| {
        line.match_indices(spelling).filter_map(move |(place, _)| {
            let rest = &line[place + spelling.len()..];
            let path =
                &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len())];
            (path.is_empty() || path.starts_with("::")).then(|| format!("{package}{path}"))
        })
    })
}

/// A package that is allowed is so with all it has.
fn allows(allowed: &[&str], target: &str) -> bool {
    let package = target.split("::").next().unwrap_or(target);
    allowed.contains(&package) || allowed.contains(&target)
}

/// The manifests keep the packages apart; here it is said which way.
#[test]
fn packages_know_those_below_only() {
    let mut findings = Findings::default();
    let folders = fs::read_dir(root().join("crates")).unwrap().flatten().map(|entry| entry.path());
    let mut names = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let manifest = folder.join("Cargo.toml");
        let Some((_, allowed)) = PACKAGES.iter().find(|(package, _)| *package == name) else {
            findings.add(&manifest, 1, "a package without a floor: name it in `PACKAGES`");
            continue;
        };
        for (line, text) in fs::read_to_string(&manifest).unwrap().lines().enumerate() {
            let Some(dependency) = text.split([' ', '.', '=']).next().filter(|word| word.starts_with("iris-")) else {
                continue;
            };
            if !allowed.contains(&dependency) {
                findings.add(&manifest, line + 1, format_args!("{name} knows nothing of {dependency}"));
            }
        }
        names.push(name);
    }
    assert_eq!(names.len(), PACKAGES.len(), "{names:?}");
    findings.none();
}

#[test]
fn imports_point_down_inside_of_a_room() {
    let mut findings = Findings::default();
    for (graph, (room_name, floors)) in graphs().iter().flat_map(|graph| INNER_FLOORS.iter().map(move |of| (graph, of)))
    {
        let floor = |path: &Path| {
            let place = path.strip_prefix(root().join("src")).or(path.strip_prefix(root().join("crates"))).ok()?;
            let inner = place.strip_prefix(room_name).ok()?;
            let inner = inner.strip_prefix("src").unwrap_or(inner);
            let inner = inner.with_extension("");
            let places = floors.iter().enumerate().flat_map(|(at, floor)| floor.iter().map(move |place| (at, *place)));
            let within = places.filter(|(_, place)| inner.starts_with(place));
            within.max_by_key(|(_, place)| place.len()).map(|(at, _)| at)
        };
        for (from, arrows) in graph.files.iter().zip(&graph.arrows) {
            let Some(own) = floor(from) else { continue };
            for (to, line) in arrows {
                let to = &graph.files[*to];
                match floor(to) {
                    Some(other) if other > own => {
                        let (own, other) = (floors[own].join(", "), floors[other].join(", "));
                        findings.add(from, *line, format_args!("in {room_name}, {own} is below {other}"));
                    }
                    None if room(to) == *room_name => {
                        findings.add(
                            from,
                            *line,
                            format_args!("{} is above: name the file it comes from", relative(to)),
                        );
                    }
                    _ => {}
                }
            }
        }
    }
    let graph = graph();
    for (below, above) in APART {
        for (from, arrows) in graph.files.iter().zip(&graph.arrows) {
            for (to, line) in arrows.iter().filter(|_| below.contains(&relative(from).as_str())) {
                if relative(&graph.files[*to]).starts_with(above) {
                    findings.add(from, *line, format_args!("does not import {above}"));
                }
            }
        }
    }
    findings.none();
}

/// Files that import each other in a circle are one thing to a reader.
#[test]
fn circles_of_imports_are_small() {
    let mut findings = Findings::default();
    for (room_name, files_max) in CIRCLE_FILES_MAX {
        let graphs = graphs();
        let graph = graphs.iter().find(|graph| graph.files.iter().any(|file| room(file) == *room_name)).unwrap();
        let circles = graph.circles(|path| room(path) == *room_name);
        for circle in circles.iter().filter(|circle| circle.len() > *files_max) {
            let names: Vec<String> = circle.iter().map(|file| relative(&graph.files[*file])).collect();
            let first = &graph.files[circle[0]];
            let length = circle.len();
            findings.add(
                first,
                1,
                format_args!("{length} files import each other, {files_max} may: {}", names.join(", ")),
            );
        }
        let largest = circles.first().map_or(0, Vec::len);
        if largest < *files_max && *files_max > CIRCLE_FILES_GOAL {
            let place = root().join("tests/tidy/main.rs");
            findings.add(
                &place,
                1,
                format_args!("the largest circle of {room_name} has {largest} files: lower its bound"),
            );
        }
    }
    findings.none();
}

#[test]
fn nothing_from_a_peer_can_panic() {
    let mut findings = Findings::default();
    for path in rust_files(SOURCES) {
        if !PEER_ROOMS.contains(&room(&path).as_str()) || source::is_test_file(&path) {
            continue;
        }
        let source = Source::read(&path);
        for (line, text) in source.product_lines() {
            for (ban, instead) in PEER_BANS {
                let found = text.match_indices(ban).any(|(place, _)| !continues_a_word(text, place, ban));
                if found {
                    findings.add(&path, line, format_args!("`{ban}`: {instead}"));
                }
            }
            if let Some(expression) = source::indexing(text) {
                findings.add(
                    &path,
                    line,
                    format_args!("`{expression}` can panic: use `get`, `split_at_checked`, `first_chunk`, an iterator"),
                );
            }
        }
    }
    findings.none();
}

/// `debug_assert!(` contains `assert!(`, and is none.
fn continues_a_word(text: &str, place: usize, ban: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    ban.starts_with(word) && text[..place].ends_with(word)
}

#[test]
fn banned_words() {
    let mut findings = Findings::default();
    for path in rust_files(SOURCES) {
        let source = Source::read(&path);
        let command_line = ["main", "cli"].contains(&room(&path).as_str());
        for (line, text) in source.product_lines() {
            for (ban, instead) in BANS {
                let printing = ban.contains("print") || ban.contains("exit");
                if text.contains(ban) && !(command_line && printing) {
                    findings.add(&path, line, format_args!("`{ban}`: {instead}"));
                }
            }
            let unsafe_word = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            let is_known = UNSAFE_FOLDERS.iter().any(|folder| relative(&path).starts_with(folder));
            if unsafe_word && !is_known {
                findings.add(&path, line, format_args!("`unsafe` has its addresses: {}", UNSAFE_FOLDERS.join(", ")));
            }
        }
    }
    for path in rust_files(FOLDERS) {
        if relative(&path).starts_with("tests/tidy") {
            continue;
        }
        for (number, text) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let comment = text.find("//").map_or("", |place| &text[place..]);
            if let Some(word) = comment.split(|c: char| !c.is_alphanumeric()).find(|word| UNFINISHED.contains(word)) {
                findings.add(&path, number + 1, format_args!("`{word}`: finish it, or file an issue"));
            }
            if text.contains("#[allow(") && !text.contains("reason") {
                findings.add(&path, number + 1, "`#[allow(..)]` needs `reason = \"..\"`, or the code another shape");
            }
        }
    }
    findings.none();
}

#[test]
fn no_dead_modules() {
    let mut findings = Findings::default();
    for path in rust_files(SOURCES) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap();
        if ["main", "lib"].contains(&name.as_str()) {
            continue;
        }
        // `a/mod.rs` is declared one folder up; `a/b.rs` in `a/mod.rs`, `a.rs`, or the crate's root.
        let (module, above) = if name == "mod" {
            (folder.file_name().unwrap().to_string_lossy().into_owned(), folder.parent().unwrap())
        } else {
            (name, folder)
        };
        let parents = [above.join("mod.rs"), above.with_extension("rs"), above.join("lib.rs"), above.join("main.rs")];
        let declared = parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
            text.lines().any(|line| {
                let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
                line.trim_start_matches("pub ") == format!("mod {module};")
            })
        });
        // `#[path]` modules beside the code they test.
        let by_path = rust_files(SOURCES).iter().filter(|other| other.parent() == Some(folder)).any(|other| {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            fs::read_to_string(other).unwrap().contains(&format!("#[path = \"{file}\"]"))
        });
        if !declared && !by_path {
            findings.add(&path, 1, "no `mod` declares this file: declare it or delete it");
        }
    }
    findings.none();
}

/// A rule that finds nothing must not be one that cannot find anything.
#[test]
fn the_rules_find_what_they_ban() {
    for (line, found) in [
        ("let a = body[2];", Some("body[2]")),
        ("f(x)[1..]", Some("[1..]")),
        ("let b: &[u8] = &v[..];", None),
        ("#[cfg(test)]", None),
        ("let c = vec![0; 4];", None),
        ("fn f<'a>(x: &'a [u8], y: &mut [u8]) -> [u8; 4] {", None),
        ("for x in [1, 2] {", None),
        ("self.items[n].name", Some("items[n]")),
    ] {
        assert_eq!(source::indexing(line), found, "{line}");
    }
    let text = "a(\"x.unwrap() // no\"); // b.unwrap()\n/* c /* d */ */ let e = 'f'; let g: &'h str = r#\"\"i\"\"#;\n\
                #[cfg(test)]\nmod tests {\n    fn j() { k.unwrap(); }\n}\nfn l() { m.unwrap(); }\n";
    let source = Source::of(text);
    let lines: Vec<_> = source.product_lines().filter(|(_, line)| line.contains("unwrap")).collect();
    assert_eq!(lines, [(7, "fn l() { m.unwrap(); }")]);
    assert!(source.product_lines().any(|(number, line)| number == 2 && line.contains("let g: &'h str =")));
    let graph = graph::Graph::of(
        &[
            ("a/mod.rs".into(), "mod b;\nmod c;\npub use b::{\n    One,\n    Two as Other,\n};\n".into()),
            ("a/b.rs".into(), "use super::c::Three;\nfn f() { crate::d::g(); }\n".into()),
            ("a/c.rs".into(), "use crate::{\n    a::{One, c},\n    d,\n};\n".into()),
            ("d.rs".into(), "pub struct T<'a>(&'a str);\n".into()),
            ("e/mod.rs".into(), "mod f;\nfn g() { f::h() }\n".into()),
            (
                "e/f.rs".into(),
                "impl T<'_> {\n    pub(super) fn far(&self) {\n        self\n            .near();\n    }\n}\n".into(),
            ),
            ("e/g.rs".into(), "impl<'a> T<'a> {\n    fn near(&self) {}\n}\nfn i(of: &T<'_>) { of.far() }\n".into()),
        ],
        &[("e", "T")],
    );
    assert_eq!(
        graph
            .arrows
            .iter()
            .map(|arrows| arrows.iter().map(|(to, line)| (*to, *line)).collect())
            .collect::<Vec<Vec<_>>>(),
        [vec![], vec![(2, 1), (3, 2)], vec![(1, 1), (3, 1)], vec![], vec![(5, 2)], vec![(6, 3)], vec![(5, 4)]]
    );
    assert!(continues_a_word("debug_assert!(x)", 6, "assert!("));
    let named = |line| packages_named(line).collect::<Vec<_>>();
    assert_eq!(named("pub use iris_protocol::RecvBuf;"), ["iris-protocol::RecvBuf"]);
    assert_eq!(named("use crate::iris::{Item, Reply};"), ["iris-protocol::"]);
    assert_eq!(named("crate::iris_dialect::f(my::iris_standin)"), ["iris-standin"]);
    assert!(allows(&["iris-protocol"], "iris-protocol::Item") && !allows(&["iris-protocol::Item"], "iris-protocol::"));
}
