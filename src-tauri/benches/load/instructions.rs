//! How many instructions a request and a chunk take, counted by valgrind. Those of the serving threads do not depend on
//! the load of the machine; those of the request log do, since records that come slowly share fewer transactions.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::Outcome;
use crate::baseline::Baseline;
use crate::callgrind::InstructionProfile;
use crate::mock::Mock;
use crate::program::{Launcher, Program, Target};
use crate::streams::all_at_once;
use crate::tokens::ReplySpec;
use crate::unary;
use crate::wire::Wire;

const VALGRIND_PATH: &str = "/usr/bin/valgrind";
/// The least of the parts that are listed, instructions a request.
const MIN_LISTED_INSTRUCTIONS: f64 = 300.0;

/// What one run asks for, beside the start and the end of the program.
#[derive(Debug, Clone, Copy)]
struct CountedLoad {
    requests: usize,
    /// Chunks of one stream.
    chunks: usize,
}

/// Two runs differ in one number, so that the rest, with start and end, cancels out.
const BASE_LOAD: CountedLoad = CountedLoad { requests: 300, chunks: 100 };
const MORE_REQUESTS: CountedLoad = CountedLoad { requests: 600, ..BASE_LOAD };
const MORE_CHUNKS: CountedLoad = CountedLoad { chunks: 400, ..BASE_LOAD };
/// Long enough for each chunk to be sent on its own, under valgrind.
const CHUNK_INTERVAL: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy)]
enum CountedSide {
    Baseline,
    Passthrough,
    WebSession,
}

/// The counts of one side.
#[derive(Debug)]
pub(crate) struct SideInstructions {
    /// Of a request, and of its parts.
    request: PartCosts,
    /// Of a streamed chunk, and of its parts.
    chunk: PartCosts,
}

/// The instructions of one request or chunk.
#[derive(Debug)]
struct PartCosts {
    total: f64,
    exclusive: BTreeMap<String, f64>,
    inclusive: BTreeMap<String, f64>,
}

/// The counts of all sides.
#[derive(Debug)]
pub(crate) struct InstructionCounts {
    baseline: SideInstructions,
    passthrough: SideInstructions,
    web_session: SideInstructions,
}

/// Counts; `None` where valgrind is not installed.
pub(crate) async fn measure(mock: &Mock) -> Outcome<Option<InstructionCounts>> {
    if !Path::new(VALGRIND_PATH).is_file() {
        return Ok(None);
    }
    Ok(Some(InstructionCounts {
        baseline: measure_side(mock, CountedSide::Baseline).await?,
        passthrough: measure_side(mock, CountedSide::Passthrough).await?,
        web_session: measure_side(mock, CountedSide::WebSession).await?,
    }))
}

async fn measure_side(mock: &Mock, side: CountedSide) -> Outcome<SideInstructions> {
    let base = count(mock, side, BASE_LOAD).await?;
    let more_requests = count(mock, side, MORE_REQUESTS).await?;
    let more_chunks = count(mock, side, MORE_CHUNKS).await?;
    Ok(SideInstructions {
        request: PartCosts::between(&base, &more_requests, MORE_REQUESTS.requests - BASE_LOAD.requests),
        chunk: PartCosts::between(&base, &more_chunks, MORE_CHUNKS.chunks - BASE_LOAD.chunks),
    })
}

/// One run under callgrind.
async fn count(mock: &Mock, side: CountedSide, load: CountedLoad) -> Outcome<InstructionProfile> {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("callgrind.out");
    let launcher = Launcher::new(
        VALGRIND_PATH,
        &["--tool=callgrind", "--quiet", &format!("--callgrind-out-file={}", output.display())],
    );
    match side {
        CountedSide::Baseline => {
            let baseline = Baseline::start_by(&launcher, mock.address)?;
            run_load(&baseline.target, load).await?;
            baseline.stop()?;
        }
        CountedSide::Passthrough => {
            let program = Program::start_keyed_by(&launcher, mock.address).await?;
            run_load(&program.target, load).await?;
            program.stop().await?;
        }
        CountedSide::WebSession => {
            let program = Program::start_by(&launcher, mock.address).await?;
            run_load(&program.target, load).await?;
            program.stop().await?;
        }
    }
    Ok(InstructionProfile::parse(&std::fs::read_to_string(output)?))
}

async fn run_load(target: &Target, load: CountedLoad) -> Outcome<()> {
    let request = target.request(ReplySpec::WHOLE);
    let mut wire = Wire::connect(target.address).await?;
    for _ in 0..load.requests {
        unary::ask(&mut wire, &request).await?;
    }
    let spec = ReplySpec { chunks: load.chunks, gap: CHUNK_INTERVAL, stamped: false };
    all_at_once(target, 1, spec).await?;
    Ok(())
}

impl PartCosts {
    /// The difference of two runs, of which one did `more` requests or chunks.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn between(base: &InstructionProfile, run: &InstructionProfile, more: usize) -> Self {
        let each = |base: u64, run: u64| (run as f64 - base as f64) / more as f64;
        let parts = |base: &HashMap<String, u64>, run: &HashMap<String, u64>| {
            run.iter()
                .map(|(name, count)| (name.clone(), each(base.get(name).copied().unwrap_or(0), *count)))
                .collect()
        };
        Self {
            total: each(base.total, run.total),
            exclusive: parts(&base.exclusive, &run.exclusive),
            inclusive: parts(&base.inclusive, &run.inclusive),
        }
    }
}

impl InstructionCounts {
    /// The table of `script/bench`.
    pub(crate) fn table(&self) -> Outcome<String> {
        let mut out = String::new();
        writeln!(out, "\n### Instructions (valgrind, one connection)\n")?;
        writeln!(
            out,
            "| | baseline | passthrough | ÷ baseline | web session | ÷ baseline |\n|---|--:|--:|--:|--:|--:|"
        )?;
        for (what, of) in [
            ("a request", (|side| &side.request) as fn(&SideInstructions) -> &PartCosts),
            ("a streamed chunk", |side| &side.chunk),
        ] {
            let [baseline, passthrough, web] =
                [&self.baseline, &self.passthrough, &self.web_session].map(|side| of(side).total);
            writeln!(
                out,
                "| {what} | {baseline:.0} | {passthrough:.0} | {:.2} | {web:.0} | {:.2} |",
                passthrough / baseline,
                web / baseline
            )?;
        }
        Ok(out)
    }

    /// The tables of `script/profile`, which need a build with symbols.
    pub(crate) fn part_tables(&self) -> Outcome<String> {
        let mut out = String::new();
        for (what, of) in [
            ("a request", (|side| &side.request) as fn(&SideInstructions) -> &PartCosts),
            ("a streamed chunk", |side| &side.chunk),
        ] {
            let sides = [&self.baseline, &self.passthrough, &self.web_session].map(of);
            writeln!(out, "\n### Instructions of {what}, by our own modules, with what they call\n")?;
            part_rows(&mut out, &sides.map(|side| &side.inclusive))?;
            writeln!(out, "\n### Instructions of {what}, by the source they are from\n")?;
            part_rows(&mut out, &sides.map(|side| &side.exclusive))?;
        }
        Ok(out)
    }
}

fn part_rows(out: &mut String, sides: &[&BTreeMap<String, f64>; 3]) -> Outcome<()> {
    writeln!(out, "| part | baseline | passthrough | web session |\n|---|--:|--:|--:|")?;
    let mut names: Vec<&String> = sides.iter().flat_map(|side| side.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let count = |side: usize, name: &String| sides[side].get(name).copied().unwrap_or(0.0);
    let most = |name: &String| count(0, name).max(count(1, name)).max(count(2, name));
    names.retain(|name| most(name) >= MIN_LISTED_INSTRUCTIONS);
    names.sort_by(|a, b| most(b).total_cmp(&most(a)));
    for name in names {
        let [baseline, passthrough, web] = [0, 1, 2].map(|side| count(side, name));
        writeln!(out, "| `{name}` | {baseline:.0} | {passthrough:.0} | {web:.0} |")?;
    }
    Ok(())
}
