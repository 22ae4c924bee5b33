"""Proxies that want a user name and a password, for a site that is reached through nothing else."""

import pathlib
import socket
import subprocess
import threading

from session import stop, wait_for

USER, PASSWORD = "ana", "canary-pass-51d2"


class Listener:
    """Serves each connection of a free port in a thread of its own."""

    def __init__(self):
        self.targets = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_and_close, args=(connection,), daemon=True).start()

    def _serve_and_close(self, connection):
        with connection:
            self.serve(connection)

    def close(self):
        self.socket.close()


class Beyond(Listener):
    """The next proxy behind tinyproxy: it sees what tinyproxy lets through."""

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        self.targets.append(head.split(b" ")[1].decode())


class HttpProxy:
    """Debian's tinyproxy, by Basic authentication."""

    def __init__(self, home: pathlib.Path):
        self.beyond = Beyond()
        self.targets = self.beyond.targets
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.file = home / "tinyproxy.conf"
        self.file.write_text(
            f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogFile \"{home / 'tinyproxy.log'}\"\n"
            f"BasicAuth {USER} {PASSWORD}\nUpstream http 127.0.0.1:{self.beyond.port}\n")
        self.process = subprocess.Popen(["tinyproxy", "-d", "-c", str(self.file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_for("tinyproxy", answers)

    def close(self):
        stop(self.process)
        self.beyond.close()
        self.file.unlink(missing_ok=True)


class SocksProxy(Listener):
    """SOCKS5 by user name and password (RFC 1928, RFC 1929). The password has characters that a URL must escape."""

    password = f"{PASSWORD}@:/"

    def __init__(self, _home):
        super().__init__()
        self.url = f"socks5h://{USER}:{PASSWORD}%40%3A%2F@127.0.0.1:{self.port}"

    def serve(self, connection):
        stream = connection.makefile("rb")
        _version, methods = stream.read(2)
        if 2 not in stream.read(methods):
            return connection.sendall(b"\x05\xff")
        connection.sendall(b"\x05\x02")
        _version, length = stream.read(2)
        user = stream.read(length).decode()
        password = stream.read(stream.read(1)[0]).decode()
        if (user, password) != (USER, self.password):
            return connection.sendall(b"\x01\x01")
        connection.sendall(b"\x01\x00")
        stream.read(4)
        name = stream.read(stream.read(1)[0]).decode()
        self.targets.append(f"{name}:{int.from_bytes(stream.read(2), 'big')}")
