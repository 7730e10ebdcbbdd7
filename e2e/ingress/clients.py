"""Asks an Ingress without a pause until it is told to end (SIGTERM), and counts what got no answer.

    clients.py ADDRESS PORT [COUNT]     COUNT: each of the six clients ends by itself after so many

GET and POST, over HTTP/1.1 (a connection that is kept, and one a request) and HTTP/2, and gRPC, at the paths /http1,
/h2c and /tls. Prints a line for each that was lost and one with the numbers of all; its exit code says whether none was.
What a server says it has not begun (GOAWAY, a connection that it closed after "Connection: close") is no loss.
"""
import collections
import signal
import socket
import struct
import sys
import threading
import time

from frames import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
                    literal)

address = (sys.argv[1], int(sys.argv[2]))
limit = int(sys.argv[3]) if len(sys.argv) > 3 else None
ended = threading.Event()
asked = collections.Counter()
lost = collections.Counter()
PATHS = ["/http1", "/h2c", "/tls"]


class Lost(Exception):
    pass


class NotBegun(Exception):
    pass


class Http1:
    def __init__(self, kept):
        self.kept = kept
        self.connection = None

    def ask(self, method, path):
        if not self.connection:
            self.connection = socket.create_connection(address, timeout=60)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"x" * 100 if method == "POST" else b""
        self.connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n".encode() +
                                body)
        text = b""
        while b"\r\n\r\n" not in text:
            got = self.connection.recv(65536)
            if not got:
                raise Lost(f"closed after {text[:60]}")
            text += got
        head, text = text.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200"):
            raise Lost(head.split(b"\r\n")[0].decode())
        while b"hello" not in text:
            got = self.connection.recv(65536)
            if not got:
                raise Lost("half an answer")
            text += got
        if not self.kept or b"connection: close" in head.lower():
            self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Http2:
    def __init__(self, grpc):
        self.grpc = grpc
        self.connection = None

    def ask(self, method, path):
        if not self.connection:
            self.connection = socket.create_connection(address, timeout=60)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
            self.stream, self.text, self.going = -1, b"", False
        self.stream += 2
        headers = literal(b":method", method.encode()) + literal(b":scheme", b"http") + literal(b":authority", b"test")
        headers += literal(b":path", path.encode())
        if self.grpc:
            headers += literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers")
        if method == "POST":
            said = frame(HEADERS, END_HEADERS, self.stream, headers) + frame(DATA, END_STREAM, self.stream, b"x" * 100)
        else:
            said = frame(HEADERS, END_HEADERS | END_STREAM, self.stream, headers)
        self.connection.sendall(said)
        self.hear()
        if self.going or self.stream > 100000:
            self.close()

    def hear(self):
        status, trailers = None, b""
        while True:
            while len(self.text) < 9 or len(self.text) < 9 + int.from_bytes(self.text[:3], "big"):
                got = self.connection.recv(65536)
                if not got:
                    raise NotBegun if self.going else Lost("closed")
                self.text += got
            length = int.from_bytes(self.text[:3], "big")
            kind, flags = self.text[3], self.text[4]
            stream = int.from_bytes(self.text[5:9], "big") & 0x7FFFFFFF
            payload, self.text = self.text[9:9 + length], self.text[9 + length:]
            if kind == DATA and length:
                # All answers together would else be 64 KiB at most.
                self.connection.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", length)))
            if kind == SETTINGS and not flags & ACK:
                self.connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == GOAWAY:
                self.going = True
                if struct.unpack(">I", payload[:4])[0] < self.stream:
                    raise NotBegun
            elif kind == RST_STREAM and stream == self.stream:
                if struct.unpack(">I", payload)[0] == 7:  # REFUSED_STREAM
                    raise NotBegun
                raise Lost(f"reset {payload.hex()}")
            elif kind == HEADERS and stream == self.stream:
                if status is None:
                    status = payload[:1]
                    if status != b"\x88":
                        raise Lost(f"status {payload[:8].hex()}")
                trailers += payload
                if flags & END_STREAM:
                    break
            elif kind == DATA and stream == self.stream and flags & END_STREAM:
                break
        if self.grpc and b"grpc-status" not in trailers:
            raise Lost("no trailers")

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def run(name, client, methods, paths):
    count = 0
    while not ended.is_set() and count != limit:
        method, path = methods[count % len(methods)], paths[count // len(methods) % len(paths)]
        count += 1
        kind = f"{name} {method} {path}"
        try:
            client.ask(method, path)
        except NotBegun:
            client.close()
            continue
        except (OSError, Lost) as error:
            lost[kind] += 1
            print(f"lost: {time.strftime('%T')} {kind}: {error}", flush=True)
            client.close()
        except Exception as error:  # What we cannot read is no answer, either.
            lost[kind] += 1
            print(f"lost: {time.strftime('%T')} {kind}: {error!r}", flush=True)
            client.close()
        asked[kind] += 1


def main():
    clients = [
        ("HTTP/1.1", Http1(True), ["GET", "POST"], PATHS),
        ("HTTP/1.1", Http1(True), ["POST"], PATHS),
        ("HTTP/1.1 anew", Http1(False), ["GET", "POST"], PATHS),
        ("HTTP/2", Http2(False), ["GET", "POST"], PATHS),
        ("HTTP/2", Http2(False), ["POST"], PATHS),
        ("gRPC", Http2(True), ["POST"], PATHS[1:]),
    ]
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    threads = [threading.Thread(target=run, args=each) for each in clients]
    for each in threads:
        each.start()
    if limit is None:
        ended.wait()
    for each in threads:
        each.join()
    for kind in sorted(asked):
        print(f"{kind}: {asked[kind]} asked, {lost[kind]} lost")
    print(f"in all: {sum(asked.values())} asked, {sum(lost.values())} lost")
    sys.exit(1 if lost else 0)


main()
