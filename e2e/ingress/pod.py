"""A pod's server: HTTP/1.1 and HTTP/2 on one port, told apart by how a client begins; with a certificate, by ALPN.

    pod.py PORT [CERTIFICATE_WITH_KEY]

It answers every request 200, and gRPC with its trailers; .../who says who asks, .../slow takes 3 s, .../hangup/KEY is
answered the second time that it is asked for, and a WebSocket hears what it says. Asked to end (SIGTERM) it does what servers do that end well:
it takes no connection any more, closes at once those that wait for a request, and answers what it has begun to read.
"""
import base64
import hashlib
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time

from frames import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
                    literal)


class Connections:
    """Those that are there, and which of them wait for a request."""

    def __init__(self):
        self.lock = threading.Condition()
        self.ending = False
        self.idle = {}  # How each is told that it ends.
        self.busy = 0

    def waits(self, connection, farewell):
        with self.lock:
            if self.ending:
                return False
            self.idle[connection] = farewell
            return True

    def works(self, connection):
        with self.lock:
            if self.idle.pop(connection, None) is None:
                return False  # It has been closed.
            self.busy += 1
            return True

    def worked(self):
        with self.lock:
            self.busy -= 1
            self.lock.notify_all()

    def end(self):
        with self.lock:
            self.ending = True
            for connection, farewell in self.idle.items():
                try:
                    if farewell:
                        connection.sendall(farewell)
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.idle.clear()
            self.lock.wait_for(lambda: self.busy == 0, timeout=2)


connections = Connections()


ANSWER = frame(HEADERS, END_HEADERS, 0, b"\x88" + literal(b"content-type", b"application/grpc"))
TRAILERS = literal(b"grpc-status", b"0")


def goaway(connection, last):
    # Two threads may not speak by one of TLS.
    return b"" if isinstance(connection, ssl.SSLSocket) else frame(GOAWAY, 0, 0, struct.pack(">II", last, 0))


def more(connection, text):
    got = connection.recv(65536)
    if not got:
        raise ConnectionError
    return text + got


begun = set()


def answer_to(path, headers):
    """What stands behind a path; None: it hangs up, as who crashes over a request does."""
    if path.endswith(b"/who"):
        return headers.get(b"x-forwarded-for", b"") + b"\n"
    if path.endswith(b"/slow"):
        time.sleep(3)
    if b"/hangup/" in path and path not in begun:
        begun.add(path)
        return None
    return b"hello"


def echo(connection, head, text):
    """A WebSocket: says again what it is told, in short messages of text, until it is closed."""
    key = re.search(rb"(?i)\r\nsec-websocket-key: *([^\r]+)", head).group(1)
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        while len(text) < 6 or len(text) < 6 + (text[1] & 0x7F):
            text = more(connection, text)
        length, mask = text[1] & 0x7F, text[2:6]
        said = bytes(each ^ mask[i % 4] for i, each in enumerate(text[6:6 + length]))
        if text[0] & 0xF == 8:
            return
        text = text[6 + length:]
        connection.sendall(bytes([0x81, length]) + said)


def serve_http1(connection, text):
    waiting = True
    while True:
        if not text and waiting and not connections.waits(connection, b""):
            return
        while b"\r\n\r\n" not in text:
            text = more(connection, text)
        if not connections.works(connection):
            return
        try:
            head, text = text.split(b"\r\n\r\n", 1)
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                           if line.startswith(b"content-length:")), 0)
            while len(text) < length:
                text = more(connection, text)
            text = text[length:]
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if headers.get(b"upgrade") == b"websocket":
                echo(connection, head, text)
                return
            answer = answer_to(head.split(b" ")[1], headers)
            if answer is None:
                return
            close = headers.get(b"connection") == b"close" or connections.ending
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" %
                               (len(answer), b"Connection: close\r\n" if close else b"", answer))
            if close:
                return
        finally:
            connections.worked()


def serve_http2(connection, text):
    connection.sendall(frame(SETTINGS, 0, 0))
    text = text[len(PREFACE):]
    last, open_streams = 0, set()  # A proxy has several under way at once.
    connections.waits(connection, goaway(connection, last))
    try:
        while True:
            while len(text) < 9 or len(text) < 9 + int.from_bytes(text[:3], "big"):
                text = more(connection, text)
            length = int.from_bytes(text[:3], "big")
            kind, flags = text[3], text[4]
            stream = int.from_bytes(text[5:9], "big") & 0x7FFFFFFF
            text = text[9 + length:]
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            if kind == HEADERS:
                if not open_streams and not connections.works(connection):
                    return
                open_streams.add(stream)
                last = max(last, stream)
            if kind == DATA and length:
                # Who is not told that there is room again stops after 64 KiB, all streams together.
                room = struct.pack(">I", length)
                connection.sendall(frame(WINDOW_UPDATE, 0, 0, room) + frame(WINDOW_UPDATE, 0, stream, room))
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                connection.sendall(
                    ANSWER[:5] + struct.pack(">I", stream) + ANSWER[9:] +
                    frame(DATA, 0, stream, bytes(5) + b"hello") +
                    frame(HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS))
            elif kind != RST_STREAM:
                continue
            if stream not in open_streams:
                continue
            open_streams.remove(stream)
            if not open_streams:
                connections.worked()
                if not connections.waits(connection, goaway(connection, last)):
                    connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", last, 0)))
                    return
    finally:
        if open_streams:
            connections.worked()


def serve(connection, context):
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        text = b""
        if not context or connection.selected_alpn_protocol() == "h2":
            # What has begun with a whole preface, or cannot be one any more.
            while len(text) < len(PREFACE) and PREFACE.startswith(text):
                if not text and not connections.waits(connection, b""):
                    return
                text = more(connection, text)
            with connections.lock:
                if connections.idle.pop(connection, None) is None:
                    return
        if text.startswith(PREFACE):
            serve_http2(connection, text)
        else:
            if text:
                connections.waits(connection, b"")
            serve_http1(connection, text)
    except OSError:
        pass
    finally:
        with connections.lock:
            connections.idle.pop(connection, None)
        connection.close()


def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        context.set_alpn_protocols(["h2", "http/1.1"])
    listening = socket.create_server(("", int(sys.argv[1])), backlog=256)

    def end(*_):
        listening.close()
        # Not here: the lock may be this very thread's.
        threading.Thread(target=lambda: (connections.end(), os._exit(0))).start()

    signal.signal(signal.SIGTERM, end)
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            signal.pause()
            continue
        threading.Thread(target=serve, args=(connection, context), daemon=True).start()


main()
