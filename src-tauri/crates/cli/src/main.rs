//! `mammouth-proxy`: the command line and the headless server.

fn main() -> std::process::ExitCode {
    mammouth_cli::main()
}
