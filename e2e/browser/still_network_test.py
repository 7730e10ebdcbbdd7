#!/usr/bin/env python3
"""Whether a page is read while the machine's network changes. Exit code 77: no Chromium, or not root."""

import http.server
import itertools
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True

from browser import Browser, BrowserError
from page import Page, PageError
from still_network import CLONE_NEWNET, StillNetwork, enter

CHANGES = 5
HOST = "192.0.2.7"


class Late(http.server.ThreadingHTTPServer):
    """Greets by TLS once the network has changed: what is being connected then is given up."""

    def __init__(self, folder):
        super().__init__((HOST, 0), Answer)
        self.numbers = itertools.count()
        key, certificate = f"{folder}/key", f"{folder}/certificate"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=late", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    def finish_request(self, request, client_address):
        for _ in range(CHANGES):
            number = next(self.numbers)
            for what in (["link", "add", f"come{number}", "type", "bridge"],
                         ["address", "add", f"198.18.{number % 256}.1/24", "dev", f"come{number}"],
                         ["link", "set", f"come{number}", "up"], ["link", "delete", f"come{number}"]):
                subprocess.run(["ip", *what], check=True)
            threading.Event().wait(0.3)  # Chromium tells of it a moment later.
        with self.tls.wrap_socket(request, server_side=True) as greeted:
            super().finish_request(greeted, client_address)

    def handle_error(self, request, client_address):
        pass  # A browser that gives up is what this is about.


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<body>read to its end")

    def log_message(self, *_):
        pass


class StillNetworkTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = Late(folder.name)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]

    def see(self):
        with Browser() as browser:
            page = Page(browser, f"https://{HOST}:{self.port}/", None)
            page.shows("read to its end")

    def test_all_is_read_while_devices_come_and_go(self):
        with StillNetwork(HOST, self.port):
            self.see()

    def test_it_would_be_given_up_otherwise(self):
        with self.assertRaisesRegex((BrowserError, PageError), "ERR_NETWORK_CHANGED|nothing"):
            self.see()

    def test_nobody_else_is_reached(self):
        with StillNetwork(HOST, self.port):
            made = subprocess.run(["ip", "-o", "-4", "address"], check=True, capture_output=True, text=True)
        self.assertNotIn("192.0.2.8", made.stdout)
        self.assertIn(HOST, made.stdout)


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which("chromium") is None:
        sys.exit(77)
    enter("unshare", CLONE_NEWNET)
    for command in ("ip link set lo up", "ip link add uplink type bridge", "ip address add 192.0.2.7/24 dev uplink",
                    "ip address add 192.0.2.8/24 dev uplink", "ip link set uplink up",
                    "ip route add default via 192.0.2.1"):
        subprocess.run(command.split(), check=True)
    unittest.main()
