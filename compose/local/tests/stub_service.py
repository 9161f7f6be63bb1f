"""A service made of the standard library: `stub_service.py PORT [--child]`.

It answers every GET, writes a line for each request, and with --child has a child that its signals do not reach, as
Airflow's tasks are.
"""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


if "--child" in sys.argv:
    subprocess.Popen(SLEEP, start_new_session=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
