//! Which file of `src` imports which: by `use`, on however many lines, by paths within the code, and by calling a method
//! that stands in another file than its type. A name that a module passes on is followed to the file it comes from.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::source::Source;

/// Names that a module gets from elsewhere, by module: what each stands for.
type Names = HashMap<Vec<String>, HashMap<String, Vec<String>>>;

/// A room, and a type whose methods stand in many files of it.
pub type Spread<'a> = (&'a str, &'a str);

pub struct Graph {
    pub files: Vec<PathBuf>,
    /// For each file the files it imports, and the line where it first does.
    pub arrows: Vec<BTreeMap<usize, usize>>,
}

impl Graph {
    /// Of the Rust files under `root`.
    pub fn read(root: &Path, files: &[PathBuf], spread: &[Spread<'_>]) -> Self {
        let texts: Vec<(PathBuf, String)> = files
            .iter()
            .map(|path| (path.strip_prefix(root).unwrap().to_owned(), Source::read(path).product()))
            .collect();
        let mut graph = Self::of(&texts, spread);
        graph.files = files.to_vec();
        graph
    }

    /// `texts`: code without comments and tests, by path under `src`.
    pub fn of(texts: &[(PathBuf, String)], spread: &[Spread<'_>]) -> Self {
        let modules: Vec<Vec<String>> = texts.iter().map(|(path, _)| module(path)).collect();
        let by_module: HashMap<&[String], usize> =
            modules.iter().enumerate().map(|(index, module)| (module.as_slice(), index)).collect();
        let mut names = Names::new();
        for ((_, text), module) in texts.iter().zip(&modules) {
            for (_, _, path) in uses(text, module, &by_module) {
                if let Some(name) = path.last() {
                    names.entry(module.clone()).or_default().insert(name.clone(), path.clone());
                }
            }
        }
        let methods: Vec<HashMap<&str, usize>> = spread.iter().map(|of| methods(texts, &modules, of)).collect();
        let arrows = texts.iter().zip(&modules).enumerate().map(|(from, ((_, text), module))| {
            let mut arrows = BTreeMap::new();
            let uses = uses(text, module, &by_module);
            // What a module only passes on from inside of it, it does not use.
            let used = uses.into_iter().filter(|(is_passed_on, _, path)| !(*is_passed_on && path.starts_with(module)));
            let used = used.map(|(_, line, path)| (line, path));
            for (line, path) in used.chain(paths(text, module)).chain(paths_below(text, module, &by_module)) {
                match target(path, &by_module, &names) {
                    Some(to) if to != from => {
                        arrows.entry(to).or_insert(line);
                    }
                    _ => {}
                }
            }
            for ((room, name), methods) in spread.iter().zip(&methods) {
                let calls = if module.first().is_some_and(|own| own == room) { calls(text, name) } else { Vec::new() };
                for (line, method) in calls {
                    if let Some(to) = methods.get(method).filter(|to| **to != from) {
                        arrows.entry(*to).or_insert(line);
                    }
                }
            }
            arrows
        });
        let arrows = arrows.collect();
        Self { files: texts.iter().map(|(path, _)| path.clone()).collect(), arrows }
    }

    /// Groups of files of which each imports, by way of others, all others (Tarjan's strongly connected components),
    /// among the files that `is_in` picks; the largest first.
    pub fn circles(&self, is_in: impl Fn(&Path) -> bool) -> Vec<Vec<usize>> {
        let inside: Vec<bool> = self.files.iter().map(|path| is_in(path)).collect();
        let mut search = Search {
            graph: self,
            inside: &inside,
            order: vec![None; self.files.len()],
            low: vec![0; self.files.len()],
            stack: Vec::new(),
            on_stack: vec![false; self.files.len()],
            next: 0,
            found: Vec::new(),
        };
        for (file, _) in inside.iter().enumerate().filter(|(_, is_inside)| **is_inside) {
            if search.order[file].is_none() {
                search.visit(file);
            }
        }
        let mut found = search.found;
        found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        found
    }
}

struct Search<'a> {
    graph: &'a Graph,
    inside: &'a [bool],
    order: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    on_stack: Vec<bool>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, file: usize) {
        self.order[file] = Some(self.next);
        self.low[file] = self.next;
        self.next += 1;
        self.stack.push(file);
        self.on_stack[file] = true;
        for &to in self.graph.arrows[file].keys().filter(|to| self.inside[**to]) {
            match self.order[to] {
                None => {
                    self.visit(to);
                    self.low[file] = self.low[file].min(self.low[to]);
                }
                Some(order) if self.on_stack[to] => self.low[file] = self.low[file].min(order),
                Some(_) => {}
            }
        }
        if Some(self.low[file]) == self.order[file] {
            let mut circle = Vec::new();
            while let Some(member) = self.stack.pop() {
                self.on_stack[member] = false;
                circle.push(member);
                if member == file {
                    break;
                }
            }
            circle.sort_unstable();
            self.found.push(circle);
        }
    }
}

/// The module that a file of `src` is.
fn module(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The file that a path leads to.
fn target(mut path: Vec<String>, by_module: &HashMap<&[String], usize>, names: &Names) -> Option<usize> {
    // A chain of modules that pass a name on is short.
    for _ in 0..8 {
        let known = (0..=path.len()).rev().find(|length| by_module.contains_key(&path[..*length]))?;
        let passed_on = path.get(known).and_then(|name| names.get(&path[..known])?.get(name));
        match passed_on {
            Some(origin) if *origin != path[..=known] => {
                let rest = path.split_off(known + 1);
                path = origin.iter().cloned().chain(rest).collect();
            }
            // The root holds nothing but modules.
            _ if known == 0 => return None,
            _ => return by_module.get(&path[..known]).copied(),
        }
    }
    None
}

/// What the `use` declarations of a file name: whether it is passed on, and the line.
fn uses(text: &str, module: &[String], by_module: &HashMap<&[String], usize>) -> Vec<(bool, usize, Vec<String>)> {
    let mut found = Vec::new();
    for (place, _) in text.match_indices("use ") {
        let line_start = text[..place].rfind('\n').map_or(0, |at| at + 1);
        let before = text[line_start..place].trim();
        if !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let line = text[..place].matches('\n').count() + 1;
        let tree = &text[place + 4..];
        let tree = &tree[..tree.find(';').unwrap_or(tree.len())];
        let mut paths = Vec::new();
        expand(tree, &[], &mut paths);
        for path in paths {
            let first = path.first().map_or("", String::as_str);
            let child: Vec<String> = module.iter().cloned().chain([first.to_owned()]).collect();
            if ["crate", "super", "self"].contains(&first) {
                found.push((before.starts_with("pub"), line, absolute(&path, module)));
            } else if by_module.contains_key(child.as_slice()) {
                found.push((before.starts_with("pub"), line, module.iter().cloned().chain(path).collect()));
            }
        }
    }
    found
}

/// Paths within the code that begin at the crate, above, or here.
fn paths(text: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (place, _) in text.match_indices(start) {
            let before = &text[..place];
            // `pub(in crate::a)` says who may see a thing; `use` is read elsewhere.
            if before.ends_with("pub(in ")
                || before.ends_with("use ")
                || before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            {
                continue;
            }
            let end = text[place..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = &text[place..end.map_or(text.len(), |length| place + length)];
            let path: Vec<String> = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            let line = text[..place].matches('\n').count() + 1;
            found.push((line, absolute(&path, module)));
        }
    }
    found
}

/// Paths within the code that begin at a module below this one.
fn paths_below(text: &str, module: &[String], by_module: &HashMap<&[String], usize>) -> Vec<(usize, Vec<String>)> {
    let below = by_module.keys().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
    let mut found = Vec::new();
    for name in below.filter_map(|other| other.last()) {
        for (place, _) in text.match_indices(&format!("{name}::")) {
            let before = &text[..place];
            if before.ends_with("use ") || before.ends_with(|c: char| is_word(c) || c == ':') {
                continue;
            }
            let end = text[place..].find(|c: char| !(is_word(c) || c == ':'));
            let path = &text[place..end.map_or(text.len(), |length| place + length)];
            let path = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned);
            let line = before.matches('\n').count() + 1;
            found.push((line, module.iter().cloned().chain(path).collect()));
        }
    }
    found
}

/// The methods of a type, and the file that each stands in.
fn methods<'a>(
    texts: &'a [(PathBuf, String)],
    modules: &[Vec<String>],
    (room, name): &Spread<'_>,
) -> HashMap<&'a str, usize> {
    let mut found = HashMap::new();
    for (file, ((_, text), module)) in texts.iter().zip(modules).enumerate() {
        if module.first().is_none_or(|own| own != room) {
            continue;
        }
        for block in blocks(text, name) {
            for line in text[block].lines().filter(|line| line.starts_with("    ") && !line.starts_with("     ")) {
                let Some((before, method)) = line.split_once("fn ") else { continue };
                if before.trim().is_empty() || before.trim().starts_with("pub") {
                    let end = method.find(|c| !is_word(c)).unwrap_or(method.len());
                    found.insert(&method[..end], file);
                }
            }
        }
    }
    found
}

/// What is called of a type whose name is told: of `self` in its own blocks, of what is said to be one, of the name itself.
fn calls<'a>(text: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let own = blocks(text, name);
    let mut receivers = vec!["self", name];
    for (place, _) in text.match_indices(&format!("{name}<")) {
        let before = text[..place].trim_end_matches("mut ");
        let before = before.rsplit_once('&').map_or(before, |(before, lifetime)| {
            if lifetime.is_empty() || lifetime.starts_with('\'') { before } else { "" }
        });
        if let Some(before) = before.trim_end().strip_suffix(':') {
            let start = before.rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
            receivers.push(&before[start..]);
        }
    }
    receivers.sort_unstable();
    receivers.dedup();
    let mut found = Vec::new();
    for receiver in receivers.into_iter().filter(|receiver| !receiver.is_empty()) {
        for (place, _) in text.match_indices(receiver) {
            let is_own = own.iter().any(|block| block.contains(&place));
            if text[..place].ends_with(is_word) || receiver == "self" && !is_own {
                continue;
            }
            let rest = text[place + receiver.len()..].trim_start();
            let Some(method) = rest.strip_prefix('.').or_else(|| rest.strip_prefix("::")) else { continue };
            let end = method.find(|c| !is_word(c)).unwrap_or(method.len());
            if method[end..].starts_with('(') {
                found.push((text[..place].matches('\n').count() + 1, &method[..end]));
            }
        }
    }
    found
}

/// The blocks of a type's own methods.
fn blocks(text: &str, name: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for (place, _) in text.match_indices("impl") {
        let starts_a_line = place == 0 || text[..place].ends_with('\n');
        let head = text[place..].lines().next().unwrap_or_default();
        let is_of = head.contains(&format!(" {name}<")) || head.contains(&format!(" {name} "));
        if starts_a_line && is_of && !head.contains(" for ") {
            let end = text[place..].find("\n}").map_or(text.len(), |length| place + length);
            found.push(place..end);
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// From the crate's root.
fn absolute(path: &[String], module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => {
                base.pop();
            }
            "self" => {}
            _ => break,
        }
        rest = behind;
    }
    base.extend(rest.iter().cloned());
    base
}

/// `a::{b, c::d as e}` as `a::b` and `a::c::d`.
fn expand(tree: &str, prefix: &[String], out: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (path, list) = match tree.find('{') {
        Some(open) => (&tree[..open], Some(tree[open + 1..].trim_end().trim_end_matches('}'))),
        None => (tree.split(" as ").next().unwrap_or(tree), None),
    };
    let mut whole = prefix.to_vec();
    whole.extend(path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    let Some(list) = list else {
        if !tree.is_empty() {
            out.push(whole);
        }
        return;
    };
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&list[start..at], &whole, out);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&list[start..], &whole, out);
}
