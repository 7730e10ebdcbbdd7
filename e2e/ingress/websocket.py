"""Says something by a WebSocket, and prints what it hears, until nothing is left to be said.

    websocket.py ADDRESS PORT PATH [SECONDS]     "still here" a second for so long; 1 unless said

A connection that ends before is an error.
"""
import base64
import os
import socket
import sys
import time

address, port, path = sys.argv[1:4]
seconds = int(sys.argv[4]) if len(sys.argv) > 4 else 1
connection = socket.create_connection((address, int(port)), timeout=20)
key = base64.b64encode(os.urandom(16)).decode()
connection.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
text = b""


def more():
    got = connection.recv(65536)
    if not got:
        sys.exit(f"closed after {text[:80]}")
    return text + got


while b"\r\n\r\n" not in text:
    text = more()
head, text = text.split(b"\r\n\r\n", 1)
if not head.startswith(b"HTTP/1.1 101"):
    sys.exit(head.decode())
for number in range(seconds):
    said = f"still here {number}".encode()
    mask = os.urandom(4)
    connection.sendall(bytes([0x81, 0x80 | len(said)]) + mask + bytes(each ^ mask[i % 4] for i, each in enumerate(said)))
    while len(text) < 2 or len(text) < 2 + text[1]:
        text = more()
    heard, text = text[2:2 + text[1]], text[2 + text[1]:]
    if heard != said:
        sys.exit(f"heard {heard}")
    print(heard.decode(), flush=True)
    time.sleep(1 if number + 1 < seconds else 0)
