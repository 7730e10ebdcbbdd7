"""An issuer of tokens over TLS, and a token webhook beside it, made with openssl's program."""
import base64
import http.server
import json
import os
import ssl
import subprocess
import threading


def run(*args, given=None):
    return subprocess.run(args, input=given, capture_output=True, check=True).stdout


def url64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def int_bytes(number, size=None):
    return number.to_bytes(size or (number.bit_length() + 7) // 8, "big")


CURVES = {"P-256": ("prime256v1", 32), "P-384": ("secp384r1", 48), "P-521": ("secp521r1", 66)}


class Key:
    def __init__(self, work, name, kind, kid=None):
        self.kid, self.kind = kid or name, kind
        self.path = os.path.join(work, name + ".pem")
        if kind in CURVES:
            run("openssl", "ecparam", "-name", CURVES[kind][0], "-genkey", "-noout", "-out",
                self.path)
        else:
            run("openssl", "genrsa", "-out", self.path, kind)

    def jwk(self):
        if self.kind in CURVES:
            size = CURVES[self.kind][1]
            point = run("openssl", "ec", "-in", self.path, "-pubout", "-outform", "DER")[-2 * size:]
            return {"kty": "EC", "kid": self.kid, "crv": self.kind, "x": url64(point[:size]),
                    "y": url64(point[size:])}
        text = run("openssl", "rsa", "-in", self.path, "-noout", "-modulus").decode()
        modulus = int(text.strip().split("=")[1], 16)
        return {"kty": "RSA", "kid": self.kid, "n": url64(int_bytes(modulus)), "e": "AQAB"}

    def sign(self, algorithm, text):
        options = ["-sigopt", "rsa_padding_mode:pss"] if algorithm.startswith("PS") else []
        signature = run("openssl", "dgst", "-sha" + algorithm[2:], *options, "-sign", self.path,
                        given=text.encode())
        if self.kind not in CURVES:
            return signature
        # SEQUENCE of two INTEGERs.
        at = 2 if signature[1] < 0x80 else 3
        numbers = []
        for _ in range(2):
            length = signature[at + 1]
            numbers.append(int.from_bytes(signature[at + 2:at + 2 + length], "big"))
            at += 2 + length
        return b"".join(int_bytes(number, CURVES[self.kind][1]) for number in numbers)


def token(key, algorithm, claims, header=None):
    """`claims` may be text; `header` is added to alg and kid, None removes."""
    head = {"alg": algorithm, "kid": key.kid, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    body = claims if isinstance(claims, str) else json.dumps(claims)
    text = url64(json.dumps(head)) + "." + url64(body)
    return text + "." + url64(key.sign(algorithm, text))


class Place:
    """Serves what is in `pages` by path: a document, bytes, or a function of the request's body."""

    def __init__(self, work):
        self.pages, self.asked = {}, []
        ca, key, cert = (os.path.join(work, name) for name in ("ca.pem", "place.key", "place.pem"))
        self.ca_path = ca
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=tokens", "-keyout", ca + ".key", "-out", ca)
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout",
            key, "-out", cert + ".csr")
        with open(cert + ".ext", "w") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        run("openssl", "x509", "-req", "-in", cert + ".csr", "-CA", ca, "-CAkey", ca + ".key",
            "-CAcreateserial", "-days", "2", "-extfile", cert + ".ext", "-out", cert)
        with open(ca) as file:
            self.ca = file.read()
        place = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                place.asked.append(self.path)
                page = place.pages.get(self.path.split("?")[0])
                code = 200
                if callable(page):
                    page = page(body, self.headers)
                if isinstance(page, tuple):
                    code, page = page
                if page is None:
                    code, page = 404, {"error": "no such page"}
                data = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def issuer(self, name, keys, discovery=None):
        url = f"{self.url}/{name}"
        self.pages[f"/{name}/keys"] = {"keys": [key.jwk() for key in keys]}
        self.pages[discovery or f"/{name}/.well-known/openid-configuration"] = {
            "issuer": url, "jwks_uri": url + "/keys"}
        return url
