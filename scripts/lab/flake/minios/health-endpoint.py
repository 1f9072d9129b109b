"""health-endpoint.py PORT FAILS_AFTER: answer GET /healthz with 200, and with
503 once FAILS_AFTER seconds have passed since the start (never when negative)."""

import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, fails_after = int(sys.argv[1]), float(sys.argv[2])
started = time.monotonic()


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        broken = 0 <= fails_after <= time.monotonic() - started
        body = b"broken\n" if broken else b"ok\n"
        self.send_response(404 if self.path != "/healthz" else 503 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("0.0.0.0", port), Health)
notify = os.environ.get("NOTIFY_SOCKET", "")
if notify:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.connect("\0" + notify[1:] if notify[0] == "@" else notify)
        ready.send(b"READY=1")
server.serve_forever()
