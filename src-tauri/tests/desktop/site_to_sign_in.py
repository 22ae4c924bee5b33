"""A site to sign in to, on this machine: what it does with a visitor is up to the test."""

import http.server
import json
import threading

LOGIN = "/app/login"
COOKIE = "auth_session"


class Site:
    """Answers on a free port. `pages` maps a path to what a GET gets; every request is kept."""

    def __init__(self, login_page, session="canary-session-5d1f", set_cookie=None):
        self.pages = {LOGIN: login_page}
        self.session = session
        self.set_cookie = set_cookie or f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"
        self.visits, self.reports = [], []
        site = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                site.visits.append((self.path, dict(self.headers)))
                if self.path.startswith("/api/"):
                    return self.api()
                page = site.pages.get(self.path.split("?")[0])
                return self.send(200, page, "text/html") if page else self.send(404, "no such page", "text/plain")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                site.visits.append((self.path, dict(self.headers)))
                if self.path == "/report":
                    site.reports.append(json.loads(body))
                    return self.send(204, "", "text/plain")
                self.send_response(303)
                self.send_header("set-cookie", site.set_cookie)
                self.send_header("location", "/welcome")
                self.end_headers()

            def api(self):
                if f"{COOKIE}={site.session}" not in self.headers.get("cookie", ""):
                    return self.send(401, json.dumps({"message": "no session"}), "application/json")
                if self.path == "/api/login/user":
                    user = {"id": 1, "email": "dana@example.invalid", "name": "Dana", "plan": "Standard"}
                    return self.send(200, json.dumps(user), "application/json")
                if self.path == "/api/user/recentUsage":
                    return self.send(200, json.dumps({"percent": 12, "byBrand": [], "usedModels": []}), "application/json")
                return self.send(200, json.dumps({"currentSpendCents": 3}), "application/json")

            def send(self, status, text, kind):
                data = text.encode()
                self.send_response(status)
                self.send_header("content-type", f"{kind}; charset=utf-8")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.pages["/welcome"] = "<!doctype html><title>Welcome</title><p>Signed in."
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# A login page as a person sees it: one button, ready for the Enter key.
FORM = """<!doctype html><title>Login</title><form method="post" action="/app/login"><button autofocus>Sign in</button></form>"""

# One that needs no person.
EAGER = FORM + "<script>document.forms[0].submit()</script>"
