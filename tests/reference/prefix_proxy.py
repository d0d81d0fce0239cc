"""A proxy that shows a server of this machine under a prefix, which it strips, as Jupyter's and AI Studio's do."""

import contextlib
import http.client
import http.server
import threading

_OF_THE_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive")


@contextlib.contextmanager
def serving_under(prefix, port):
    """Show the server at ``port`` under ``prefix``, and yield the proxy's address with the prefix."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # the end of an answer is the end of the connection

        def forward(self):
            if not self.path.startswith(prefix):
                self.send_error(404)  # what goes past the prefix is lost
                return
            length = int(self.headers.get("Content-Length") or 0)
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                path = self.path[len(prefix) :] or "/"
                upstream.request(self.command, path, self.rfile.read(length) if length else None, dict(self.headers))
                answer = upstream.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _OF_THE_CONNECTION:
                        self.send_header(name, value)
                self.end_headers()
                while part := answer.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()
            except OSError:  # the browser has gone
                pass
            finally:
                upstream.close()

        do_GET = do_POST = do_HEAD = forward

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
