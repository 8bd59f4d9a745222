# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven through chromedriver by the W3C WebDriver protocol (plain HTTP and JSON)."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element reference (W3C WebDriver, section 12)
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,800"]
SPECIAL = {"Control": "\ue009", "Escape": "\ue00c", "Enter": "\ue007", "ArrowUp": "\ue013", "ArrowDown": "\ue015", "ArrowLeft": "\ue012",
           "ArrowRight": "\ue014"}


def found():
    return shutil.which("chromium") and shutil.which("chromedriver")


class Browser:
    """with Browser() as browser: ..."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="strobe-chromium-")
        # A process group of its own: the browser's many processes end with it.
        self.driver = subprocess.Popen([shutil.which("chromedriver"), "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, start_new_session=True, env=dict(os.environ, HOME=self.folder, TMPDIR=self.folder))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        for line in self.driver.stdout:
            if "successfully on port " in line:
                self.base = "http://127.0.0.1:%d" % int(line.rpartition("on port ")[2].strip(" .\n"))
                break
        else:
            raise RuntimeError("chromedriver did not start")
        options = {"binary": shutil.which("chromium"), "args": SWITCHES + ["--user-data-dir=" + os.path.join(self.folder, "profile")]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
                        "unhandledPromptBehavior": "ignore"}
        self.base += "/session/" + self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]

    def __exit__(self, *_):
        try:
            if "/session/" in getattr(self, "base", ""):
                self._call("DELETE", "")
        finally:
            try:
                os.killpg(self.driver.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError("%s %s: %s" % (method, path, json.load(error)["value"]["message"])) from None

    def open(self, url):
        self._call("POST", "/url", {"url": "about:blank"})  # so that only the fragment's change is a new page, too
        self._call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """Runs the body of a function in the page, returns its value."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def element(self, css):
        return self._call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, element):
        """A real click of the mouse at the middle of an element (an id from element, or a reference from run)."""
        element = element[ELEMENT] if isinstance(element, dict) else element
        self._mouse(element, [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    def hover(self, element):
        self._mouse(element[ELEMENT] if isinstance(element, dict) else element, [])

    def _mouse(self, element, then):
        move = {"type": "pointerMove", "origin": {ELEMENT: element}, "x": 0, "y": 0, "duration": 0}
        self._call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
                                                     "actions": [move] + then}]})

    def keys(self, *keys):
        """Presses keys in turn; "Control+f" holds the first while the second is pressed; other words are typed."""
        actions = []
        for key in keys:
            parts = key.split("+") if key.startswith("Control+") else [key] if key in SPECIAL else list(key)
            parts = [SPECIAL.get(part, part) for part in parts]
            if key.startswith("Control+"):
                actions += [{"type": "keyDown", "value": part} for part in parts]
                actions += [{"type": "keyUp", "value": part} for part in reversed(parts)]
            else:
                for part in parts:
                    actions += [{"type": "keyDown", "value": part}, {"type": "keyUp", "value": part}]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def alert(self):
        """The text of an open dialogue, or None."""
        try:
            return self._call("GET", "/alert/text")
        except RuntimeError as error:
            if "no such alert" in str(error):
                return None
            raise

    def log(self):
        """What the page and the browser wrote to the console since the last call."""
        return ["%s: %s" % (entry["level"], entry["message"]) for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", "/screenshot")))
