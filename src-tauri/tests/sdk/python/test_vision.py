import base64
import struct
import zlib

from asking import MODEL


def png():
    """A picture of one red pixel, as a data URL."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def question(*urls):
    images = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *images]}]


def test_an_image_reaches_the_model(client):
    reply = client.chat.completions.create(model=MODEL, messages=question(png()))
    assert "1 image" in reply.choices[0].message.content


def test_two_images_stay_two(client):
    reply = client.chat.completions.create(model=MODEL, messages=question(png(), png()))
    assert "2 images" in reply.choices[0].message.content
