# SPDX-License-Identifier: MIT
"""Headless Chromium, spoken to by WebDriver (W3C) over HTTP; standard library only."""

import atexit
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, "Elements"
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Left": "\ue012",
    "Up": "\ue013",
    "Right": "\ue014",
    "Down": "\ue015",
}
START_S = 20


def has_localhost():
    """chromedriver calls the browser by this name."""
    try:
        return bool(socket.getaddrinfo("localhost", None))
    except OSError:
        return False


def lacking():
    """What isn't there, as one text: packages, a line of /etc/hosts."""
    programs = {"chromium": "chromium", "chromedriver": "chromium-driver"}
    lost = [package for program, package in programs.items() if not shutil.which(program)]
    return " ".join(lost + ["localhost in /etc/hosts"] * (not has_localhost()))


class Browser:
    """One window. Everything that WebDriver calls an error is raised."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="xtk-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        atexit.register(self.kill)  # Ctrl-C ends the tests without their cleanups
        try:
            self.base = f"http://127.0.0.1:{self.port()}/session"
            self.base += "/" + self.start()["sessionId"]
        except BaseException:
            self.kill()
            raise

    def port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rpartition(" ")[2])
        raise OSError("chromedriver did not start")

    def start(self):
        arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        arguments += ["--user-data-dir=" + self.directory, "--window-size=1280,900"]
        capabilities = {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        return self.call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise OSError(json.load(error)["value"]["message"]) from None

    def kill(self):
        atexit.unregister(self.kill)
        os.killpg(self.driver.pid, signal.SIGTERM)
        self.driver.wait(START_S)
        self.driver.stdout.close()
        for _ in range(10):  # Chromium still writes into its profile while it ends
            shutil.rmtree(self.directory, ignore_errors=True)
            if not os.path.exists(self.directory):
                return
            time.sleep(0.2)

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.kill()

    def open(self, path, fragment=""):
        self.call("POST", "/url", {"url": "file://" + os.path.abspath(path) + fragment})

    def run(self, script, *arguments):
        """The value of a function's body in the page."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys):
        """Keys go to what has the focus: a name of KEYS, or text."""
        element = self.call("GET", "/element/active")[ELEMENT]
        text = "".join(KEYS.get(key, key) for key in keys)
        self.call("POST", f"/element/{element}/value", {"text": text})

    def click(self, selector):
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{found[ELEMENT]}/click", {})

    def devtools(self, command, **parameters):
        body = {"cmd": command, "params": parameters}
        return self.call("POST", "/goog/cdp/execute", body)

    def width(self, pixels):
        """Width of the page; 900 pixels high."""
        size = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)

    def scheme(self, name):
        """The colours that the person likes: light or dark."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def console(self):
        """What the page had to complain about since the last call."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """The addresses asked for since the last call."""
        entries = self.call("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [m for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in sent]

    def screenshot(self, path, whole=False):
        options = {"captureBeyondViewport": whole, "format": "png"}
        with open(path, "wb") as file:
            shot = self.devtools("Page.captureScreenshot", **options)
            file.write(base64.b64decode(shot["data"]))

    def pdf(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("POST", "/print", {"background": True})))
