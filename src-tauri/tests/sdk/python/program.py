"""Starts the real program in demo mode, and reads its request log."""

import json
import os
import queue
import subprocess
import threading

BINARY = os.environ["MAMMOUTH_PROXY_BIN"]
KEY = "sdk-test-key-0f4b7c21d9a85e36"
START_SECONDS = 30
STOP_SECONDS = 30
LOG_READS = 500
LISTENING = "listening on "


class Program:
    """A running `mammouth-proxy serve --demo` on a port of its own, with a data directory of its own."""

    def __init__(self, folder, settings=None):
        self.data_dir = folder / "data"
        if settings:
            # A demo keeps to a folder of its own.
            (self.data_dir / "demo").mkdir(parents=True)
            (self.data_dir / "demo" / "settings.toml").write_text(settings)
        self.stderr_path = folder / "stderr.txt"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AUTH_TOKEN": KEY,
        }
        self.process = None
        self.url = None

    def __enter__(self):
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--demo", "--port", "0", "--data-dir", self.data_dir],
                env=self.environment,
                cwd=self.stderr_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.url = self._address()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code == 0, f"SIGTERM ended it with {code}: {self.stderr()}"

    @property
    def base_url(self):
        return f"{self.url}/v1"

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def log(self, count):
        """The request log once it holds `count` records: they are written after the answers, a moment later."""
        records = []
        for _ in range(LOG_READS):
            records = self._log()
            if len(records) >= count:
                break
        assert len(records) == count, records
        return records

    def _log(self):
        command = [BINARY, "logs", "--json", "--data-dir", self.data_dir]
        done = subprocess.run(
            command, env=self.environment, cwd=self.stderr_path.parent, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def _address(self):
        found = queue.Queue()
        threading.Thread(target=self._watch, args=(found,), daemon=True).start()
        try:
            address = found.get(timeout=START_SECONDS)
        except queue.Empty:
            address = None
        if address is None:
            self.process.kill()
            raise AssertionError(f"no `{LISTENING}` line: {self.stderr()}")
        return address

    def _watch(self, found):
        # Read to the end, or a full pipe would stop the program.
        for line in self.process.stdout:
            _, mark, address = line.partition(LISTENING)
            if mark:
                found.put(address.strip())
        found.put(None)
