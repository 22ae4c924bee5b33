//! Tests of the Node project's container commands, as docs/packages.md documents them, with the variables of
//! this project's image.

use std::path::Path;

use crate::support::{KEY, Options, Program, question, refused_start, simulator, stderr_text};

/// Ports and variables that a start command passes to the container.
#[derive(Debug, Default, PartialEq)]
struct ContainerStart {
    ports: Vec<String>,
    env: Vec<(String, String)>,
}

impl ContainerStart {
    /// Parses a `docker run` command.
    fn from_command(text: &str) -> Self {
        let mut start = Self::default();
        let mut words = text.split_whitespace().filter(|word| *word != "\\");
        while let Some(word) = words.next() {
            match word {
                "-p" => start.ports.extend(words.next().map(str::to_owned)),
                "-e" => start.env.extend(words.next().map(variable)),
                _ => {}
            }
        }
        start
    }

    /// Parses a compose file.
    fn from_compose(text: &str) -> Self {
        let mut start = Self::default();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("- ")) {
            match line.strip_prefix('"') {
                Some(port) => start.ports.push(port.trim_end_matches('"').to_owned()),
                None => start.env.push(variable(line)),
            }
        }
        start
    }

    fn value(&self, name: &str) -> &str {
        self.env.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

fn variable(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or_else(|| panic!("no variable: {text}"));
    (name.to_owned(), value.to_owned())
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    text.split_once(&fence).and_then(|(_, rest)| rest.split_once("```")).unwrap().0
}

fn documented() -> [ContainerStart; 2] {
    let text = read("docs/packages.md");
    let (_, section) = text.split_once("### Coming from the Node project").unwrap();
    [
        ContainerStart::from_command(block(section, "bash")),
        ContainerStart::from_compose(block(section, "yaml")),
    ]
}

/// The variables of the image.
fn image_env() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let line = text.lines().find_map(|line| line.strip_prefix("ENV HOST=")).unwrap();
    format!("HOST={line}").split_whitespace().map(variable).collect()
}

/// Options of the start, with any free port instead of the image's and the test's own data directory.
fn options(start: &ContainerStart, values: &[(&str, &str)]) -> Options {
    let mut options = Options::default().without_defaults();
    options.env = image_env();
    options.env.extend(start.env.iter().cloned());
    for (name, value) in values {
        options = options.env(name, *value);
    }
    options.env("PORT", "0")
}

#[test]
fn the_node_projects_lines_publish_the_port_of_the_image() {
    let [command, compose] = documented();
    assert_eq!(command, compose);
    assert_eq!(command.value("COOKIES"), "your_cookies_here");
    assert_eq!(command.value("AUTH_TOKEN"), "your_auth_token_here");
    let env = image_env();
    let port = &env.iter().find(|(name, _)| name == "PORT").unwrap().1;
    assert_eq!(command.ports, [format!("{port}:{port}")]);
}

#[tokio::test]
async fn the_node_projects_lines_start_and_answer() {
    let simulator = simulator(&["alice"]).await;
    for start in documented() {
        let cookie = simulator.cookies()[0].1.clone();
        let values =
            [("COOKIES", &*cookie), ("AUTH_TOKEN", KEY), ("MAMMOUTH_WEB_URL", &simulator.base_url())];
        let dir = tempfile::tempdir().unwrap();
        let program = Program::start_in(dir, None, options(&start, &values)).await;
        assert_eq!(program.chat(&question("hi")).await.status, 200);
        let health = program.cli(&["status"]).await;
        assert!(health.status.success(), "{}", stderr_text(&health));
        program.stop().await;
    }
}

#[tokio::test]
async fn d01_the_node_projects_sample_token_is_refused_with_the_reason() {
    for start in documented() {
        let dir = tempfile::tempdir().unwrap();
        let output = refused_start(dir.path(), None, options(&start, &[])).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr_text(&output).contains("is a sample from a README"), "{}", stderr_text(&output));
    }
}
