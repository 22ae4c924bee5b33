//! Download of a release's files. A file is kept only after its size, hash and signature were checked.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use minisign_verify::PublicKey;
use sha2::{Digest, Sha256};

use super::feed::{SIGNATURE_LIMITS, read_signature, signature_url};
use super::{FeedFile, UpdateError};
use upstreams::Outbound;
use upstreams::download::{DownloadLimits, download, download_bytes};

/// Largest program that is downloaded, bytes. The size in the feed is the limit if it is smaller.
const MAX_PROGRAM_BYTES: u64 = 256 << 20;
const PROGRAM_DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const READ_BUFFER_BYTES: usize = 64 << 10;

/// Downloads `files` into `folder`, which must exist. Returns their paths; on an error no file is left there.
///
/// # Errors
/// [`UpdateError`] of the first file that could not be fetched or is not what the feed announced.
pub(super) async fn fetch_files(
    files: &[&FeedFile],
    folder: &Path,
    key: &PublicKey,
    outbound: &Outbound,
) -> Result<Vec<PathBuf>, UpdateError> {
    let mut fetched = Vec::new();
    for file in files {
        let path = folder.join(format!("{}.new", file.name));
        if let Err(error) = fetch_file(file, &path, key, outbound).await {
            for partial in fetched.iter().chain([&path]) {
                // A file that cannot be deleted is not used: the next download replaces it.
                let _ = std::fs::remove_file(partial);
            }
            return Err(error);
        }
        fetched.push(path);
    }
    Ok(fetched)
}

async fn fetch_file(
    file: &FeedFile,
    path: &Path,
    key: &PublicKey,
    outbound: &Outbound,
) -> Result<(), UpdateError> {
    let name = || file.name.clone();
    let failed = |error| UpdateError::Download { name: name(), error };
    let signature =
        download_bytes(outbound, &signature_url(&file.url), SIGNATURE_LIMITS).await.map_err(failed)?;
    let mut digest = Sha256::new();
    let mut out = File::create(path).map_err(write_error)?;
    let limits =
        DownloadLimits { max_bytes: file.bytes.min(MAX_PROGRAM_BYTES), max_time: PROGRAM_DOWNLOAD_TIMEOUT };
    let mut write = |chunk: &[u8]| {
        digest.update(chunk);
        out.write_all(chunk)
    };
    download(outbound, &file.url, limits, &mut write).await.map_err(failed)?;
    out.sync_all().map_err(write_error)?;
    if !file.sha256.eq_ignore_ascii_case(&to_hex(&digest.finalize())) {
        return Err(UpdateError::WrongHash { name: name() });
    }
    verify_file(path, &signature, key)?
        .then_some(())
        .ok_or_else(|| UpdateError::FileSignature { name: name() })
}

/// Returns whether the signature is valid for the file. The file is read again, because its content on the disk counts.
fn verify_file(path: &Path, signature: &[u8], key: &PublicKey) -> Result<bool, UpdateError> {
    let Some(signature) = read_signature(signature) else { return Ok(false) };
    let Ok(mut verifier) = key.verify_stream(&signature) else { return Ok(false) };
    let mut file = File::open(path).map_err(write_error)?;
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    loop {
        match file.read(&mut buffer).map_err(write_error)? {
            0 => return Ok(verifier.finalize().is_ok()),
            length => verifier.update(&buffer[..length]),
        }
    }
}

fn write_error(error: std::io::Error) -> UpdateError {
    UpdateError::Write { what: "the downloaded program", error }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
