"""Activation tokens from a compositor, asked for as a panel asks that starts a program."""

import socket
import struct

DISPLAY, REGISTRY, CALLBACK, ACTIVATION, TOKEN = range(1, 6)


def _text(value):
    data = value.encode() + b"\0"
    return struct.pack("I", len(data)) + data + bytes(-len(data) % 4)


def _read_text(data, at):
    """The text that begins here, and where the next argument begins."""
    (length,) = struct.unpack_from("I", data, at)
    return data[at + 4:at + 3 + length].decode(), at + 4 + length + -length % 4


class _Connection:
    """As much of the Wayland protocol as a token needs."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.data = b""

    def send(self, sender, opcode, arguments):
        self.socket.sendall(struct.pack("II", sender, (8 + len(arguments)) << 16 | opcode) + arguments)

    def events(self):
        """Sender, opcode and arguments of each event."""
        while True:
            while len(self.data) >= 8:
                sender, head = struct.unpack_from("II", self.data)
                size = head >> 16
                if len(self.data) < size:
                    break
                event, self.data = self.data[8:size], self.data[size:]
                yield sender, head & 0xffff, event
            received = self.socket.recv(4096)
            if not received:
                raise ConnectionError("the compositor closed the connection")
            self.data += received


def token(path):
    """A new token of the compositor with this socket. It stays valid after the connection."""
    connection = _Connection(path)
    with connection.socket:
        connection.send(DISPLAY, 1, struct.pack("I", REGISTRY))
        connection.send(DISPLAY, 0, struct.pack("I", CALLBACK))
        for sender, opcode, event in connection.events():
            if sender == REGISTRY and opcode == 0:
                (name,) = struct.unpack_from("I", event)
                interface, _ = _read_text(event, 4)
                if interface == "xdg_activation_v1":
                    connection.send(
                        REGISTRY, 0, struct.pack("I", name) + _text(interface) + struct.pack("II", 1, ACTIVATION))
                    connection.send(ACTIVATION, 1, struct.pack("I", TOKEN))
                    connection.send(TOKEN, 3, b"")
            elif sender == TOKEN:
                return _read_text(event, 0)[0]
    raise ConnectionError("the compositor has no tokens")
