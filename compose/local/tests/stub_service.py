"""A service made of the standard library: `stub_service.py PORT [--child]`.

It answers every GET, one of /unready with 503 and a reason, writes a line for each request, and with --child has a
child that its signals do not reach, as Airflow's tasks are.
"""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "unready", "reasons": ["no model is loaded"]}' if self.path == "/unready" else b""
        self.send_response(503 if body else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if "--child" in sys.argv:
    subprocess.Popen(SLEEP, start_new_session=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
