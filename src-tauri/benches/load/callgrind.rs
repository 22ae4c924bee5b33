//! The output of valgrind's callgrind: how many instructions each function took, and which function called it.

use std::collections::HashMap;

/// The instructions of one run.
#[derive(Debug, Default)]
pub(crate) struct InstructionProfile {
    pub(crate) total: u64,
    /// Instructions without those of called functions, by the crate or module of the source file.
    pub(crate) exclusive: HashMap<String, u64>,
    /// Instructions with those of called functions, of our own modules, by the call that entered the module.
    pub(crate) inclusive: HashMap<String, u64>,
}

/// The names that an output file abbreviates: `(3) name` the first time, `(3)` from then on.
#[derive(Default)]
struct CompressedNames<'a>(HashMap<&'a str, &'a str>);

impl<'a> CompressedNames<'a> {
    fn read(&mut self, text: &'a str) -> &'a str {
        let (id, name) = text.split_once(' ').unwrap_or((text, ""));
        if name.is_empty() {
            return self.0.get(id).copied().unwrap_or(text);
        }
        self.0.insert(id, name);
        name
    }
}

impl InstructionProfile {
    pub(crate) fn parse(output: &str) -> Self {
        let mut profile = Self::default();
        let (mut objects, mut files, mut functions) =
            (CompressedNames::default(), CompressedNames::default(), CompressedNames::default());
        let (mut object, mut file, mut function, mut callee) = ("", "", "", "");
        let mut is_call = false;
        for line in output.lines() {
            match line.split_once('=') {
                Some(("ob", name)) => object = objects.read(name),
                Some(("cob", name)) => drop(objects.read(name)),
                Some(("fl" | "fi" | "fe", name)) => file = files.read(name),
                Some(("cfi" | "cfl", name)) => drop(files.read(name)),
                Some(("fn", name)) => function = functions.read(name),
                Some(("cfn", name)) => callee = functions.read(name),
                Some(("calls", _)) => is_call = true,
                _ => {
                    let Some(count) = cost(line) else { continue };
                    if std::mem::take(&mut is_call) {
                        profile.add_call(function, callee, count);
                    } else {
                        profile.total += count;
                        *profile.exclusive.entry(part_of_file(file, object)).or_default() += count;
                    }
                }
            }
        }
        profile
    }

    fn add_call(&mut self, caller: &str, callee: &str, count: u64) {
        if let Some(part) = own_module(callee)
            && own_module(caller) != Some(part)
        {
            *self.inclusive.entry(part.to_owned()).or_default() += count;
        }
    }
}

/// The instructions of a line such as `+3 120`.
fn cost(line: &str) -> Option<u64> {
    let (position, count) = line.split_once(' ')?;
    position.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)).then_some(())?;
    count.parse().ok()
}

/// The crate, module and submodule of one of our own functions: `mammouth_gateway::auth::guard`.
fn own_module(function: &str) -> Option<&str> {
    let path = function.trim_start_matches(['<', '&', '(']);
    let path = path.split(['<', ' ', '>', '{']).next()?;
    // Derived code is called by serde, which a module of ours has called: it would be counted twice.
    if !path.starts_with("mammouth_") || path.contains("::_::") {
        return None;
    }
    let end = path.match_indices("::").nth(2).map_or(path.len(), |(end, _)| end);
    Some(path[..end].trim_end_matches(':'))
}

/// The part of the program that a source file belongs to: a crate, or a module of our own crates.
fn part_of_file(file: &str, object: &str) -> String {
    if let Some((_, path)) = file.split_once("src-tauri/crates/") {
        let mut names = path.split('/').filter(|name| *name != "src");
        let (of, module) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        return format!("{of}::{}", module.trim_end_matches(".rs"));
    }
    if let Some((_, path)) = file.split_once("/registry/src/") {
        let name = path.split('/').nth(1).unwrap_or_default();
        return name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned();
    }
    if let Some((_, path)) = file.split_once("/library/") {
        return path.split('/').next().unwrap_or_default().to_owned();
    }
    let path = if file.is_empty() || file == "???" { object } else { file };
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
