#!/usr/bin/env python3
"""Measures the set-up of calls with and without reloads, in one run, and counts calls that were harmed.

usage: reload.py FOLDER [--binary ATTENDANT] [--rate CALLS_PER_S] [--seconds S]

Half of the calls come by SIP, half through a provider that asks for documents, all on loopback. The
first S seconds nothing is reloaded; in the next S seconds the configuration is read again 40 times:
20 times with changes of every kind, and between them 20 times with files that are refused. Printed
are the times from INVITE to 200, and from the provider's request to its document, in milliseconds.
Ends with 1 if a call was harmed: not answered, its end not taken, or missing in the figures.
"""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

SIP, API, DOOR = ("127.0.0.1", 5071), ("127.0.0.1", 8071), ("127.0.0.1", 8089)
TOKEN = "measuring-on-loopback-needs-no-secret"
SECRET = "a-secret-of-the-measuring-provider"
PUBLIC_URL = "https://ivr.example.com"
RELOADS = 20
WORKERS = 16
TALK_S = 0.4
ANSWER_WITHIN_S = 5.0

CONFIG = """# Made by tests/measure/reload.py for measuring on loopback.
[server]
flows = "flows"
state = "state"
log_level = "warn"
calls_max = 20000
drain_timeout_s = 1
reload_on_change = false
[sip]
listen = ["%s:%d"]
transports = ["udp"]
[media]
port_min = 20000
port_max = 27998
[api]
listen = "%s:%d"
operate_token = "%s"
[webhooks]
public_url = "%s"
listen = "%s:%d"
[callers]
file = "callers.csv"
[trunks.generator]
addresses = ["127.0.0.1"]
channels_max = 20000
[providers.twilio]
secrets = ["%s", "%s"]
prefixes = ["+1415555"]
"""

FLOW = """[flow]
numbers = ["*"]
start = "main"
[menu.main]
text = "%s"
keys = { 1 = "tech", 2 = "bye" }
give_up = "bye"
[queue.tech]
skills = { tech = %d }
timeout = "bye"
full = "bye"
no_agents = "bye"
[hangup.bye]
"""


def config(secret="an-older-secret-of-the-provider", more=""):
    text = CONFIG % (*SIP, *API, TOKEN, PUBLIC_URL, *DOOR, SECRET, secret)
    return text + '[agents.ada]\npassword = "a-long-password-of-ada"\nskills = { tech = 5 }\n' + more


def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)


class Files:
    """The configuration, and what becomes of it in the nth reload."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "flows"))
        self.good(0)

    def put(self, name, text):
        write(os.path.join(self.folder, name), text)

    def good(self, n):
        agent = '[agents.new-%d]\npassword = "a-long-password-of-%04d"\n' % (n, n)
        token = '[[api.tokens]]\nname = "eve"\nrole = "monitor"\ntoken = "%s"\n' % (
            hashlib.sha256(b"%d" % n).hexdigest())
        kinds = [
            "",
            agent,
            '[queues.tech]\nlen_max = %d\n' % (10 + n),
            '[trunks.more-%d]\naddresses = ["127.0.0.9"]\n' % n,
            token,
        ]
        self.put("attendant.toml", config("another-secret-of-number-%04d" % n, kinds[n % len(kinds)]))
        self.put("flows/main.toml", FLOW % ("Welcome, number %d." % n, 1 + n % 5))
        self.put("callers.csv", "numbers,name\n+14155550111,Ada %d\n" % n)

    def bad(self, n):
        if n % 2:
            self.put("attendant.toml", config(more="[queues.tech]\nlen_maxx = 3\n"))
        else:
            self.put("flows/main.toml", FLOW.replace("[menu.main]", "[menuu.main]") % ("No.", 1))


class Calls:
    """What became of calls, by phase."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = {}
        self.harmed = []
        self.begun = 0

    def begin(self):
        with self.lock:
            self.begun += 1

    def answered(self, kind, phase, seconds):
        with self.lock:
            self.times.setdefault((kind, phase), []).append(seconds * 1000)

    def harm(self, what):
        with self.lock:
            self.harmed.append(what)


class Sip(threading.Thread):
    """Calls by SIP over one socket: INVITE, ACK, and BYE a moment later."""

    def __init__(self, calls):
        super().__init__(daemon=True)
        self.calls = calls
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.here = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.open = {}
        self.lock = threading.Lock()
        self.later = queue.PriorityQueue()
        threading.Thread(target=self.end_calls, daemon=True).start()

    def request(self, method, name, to_tag="", body=""):
        lines = [
            "%s sip:1000@%s:%d SIP/2.0" % (method, *SIP),
            "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%s" % (self.here, name, method),
            "Max-Forwards: 70",
            "From: <sip:+14155550111@%s>;tag=%s" % (self.here, name),
            "To: <sip:1000@%s:%d>%s" % (*SIP, to_tag),
            "Call-ID: %s" % name,
            "CSeq: %d %s" % (2 if method == "BYE" else 1, method),
            "Contact: <sip:+14155550111@%s>" % self.here,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += ["Content-Length: %d" % len(body), "", body]
        self.socket.sendto("\r\n".join(lines).encode(), SIP)

    def call(self, n, phase):
        name = "call%06d" % n
        body = "\r\n".join([
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio 40000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "",
        ])
        self.calls.begin()
        with self.lock:
            self.open[name] = [time.monotonic(), phase, "", "INVITE"]
        self.request("INVITE", name, body=body)

    def run(self):
        while True:
            text = self.socket.recv(65536).decode("utf-8", "replace")
            head = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
            name = head.get("Call-ID", head.get("i", ""))
            with self.lock:
                call = self.open.get(name)
            if call is None or not text.startswith("SIP/2.0 "):
                continue
            status, method = int(text.split(" ", 2)[1]), head["CSeq"].split()[1]
            if status < 200:
                continue
            if method == "BYE":
                with self.lock:
                    self.open.pop(name, None)
                if status != 200:
                    self.calls.harm("%s: BYE %d" % (name, status))
            elif status == 200:
                tag = head["To"].partition(";")[2]
                call[2] = ";" + tag
                self.request("ACK", name, call[2])
                if call[3] == "INVITE":
                    call[3] = "BYE"
                    self.calls.answered("sip", call[1], time.monotonic() - call[0])
                    self.later.put((time.monotonic() + TALK_S, name))
            else:
                self.calls.harm("%s: INVITE %d" % (name, status))
                with self.lock:
                    self.open.pop(name, None)

    def end_calls(self):
        while True:
            at, name = self.later.get()
            time.sleep(max(0.0, at - time.monotonic()))
            with self.lock:
                call = self.open.get(name)
            if call:
                self.request("BYE", name, call[2])


class Provider:
    """Calls through the provider: a request for a document, and a moment later the report of the end."""

    def __init__(self, calls):
        self.calls = calls
        self.jobs = queue.Queue()
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()

    def call(self, n, phase):
        self.calls.begin()
        self.jobs.put((n, phase))

    def post(self, connection, kind, fields):
        path = "/webhooks/twilio/" + kind
        text = PUBLIC_URL + path + "".join(name + fields[name] for name in sorted(fields))
        digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(digest).decode(),
        }
        connection.request("POST", path, urllib.parse.urlencode(fields), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def work(self):
        connection = http.client.HTTPConnection(*DOOR, timeout=ANSWER_WITHIN_S)
        while True:
            n, phase = self.jobs.get()
            fields = {
                "CallSid": "CA%032d" % n, "AccountSid": "AC1", "From": "+14155550111",
                "To": "+14155550100", "Direction": "inbound", "CallStatus": "ringing",
            }
            try:
                began = time.monotonic()
                status, document = self.post(connection, "voice", fields)
                if status != 200 or "Welcome" not in document:
                    self.calls.harm("CA%d: %d %s" % (n, status, document[:200]))
                    continue
                self.calls.answered("provider", phase, time.monotonic() - began)
                time.sleep(TALK_S)
                fields["CallStatus"] = "completed"
                status, document = self.post(connection, "events", fields)
                if status not in (200, 204):
                    self.calls.harm("CA%d: its end: %d %s" % (n, status, document[:200]))
            except OSError as error:
                self.calls.harm("CA%d: %s" % (n, error))
                connection.close()


def api(method, path):
    connection = http.client.HTTPConnection(*API, timeout=30)
    headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"}
    connection.request(method, path, "{}" if method == "POST" else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def reloads(files, seconds, took, calls):
    """Good and bad ones in turn, spread over the time."""
    pause = seconds / (2 * RELOADS)
    for n in range(1, 2 * RELOADS + 1):
        (files.good if n % 2 else files.bad)(n)
        began = time.monotonic()
        status, answer = api("POST", "/v1/reload")
        took.append((time.monotonic() - began) * 1000)
        expected = 200 if n % 2 else 422
        if status != expected:
            calls.harm("reload %d: %d, not %d: %s" % (n, status, expected, answer))
        time.sleep(max(0.0, pause - (time.monotonic() - began)))


def load(rate, seconds, phase, first, ways):
    """Calls by turns, at their time; returns the number of the next one."""
    began = time.monotonic()
    count = int(rate * seconds)
    for n in range(count):
        time.sleep(max(0.0, began + n / rate - time.monotonic()))
        ways[n % len(ways)].call(first + n, phase)
    return first + count


def percentile(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * share))]


def measure(options, files):
    calls = Calls()
    sip, provider = Sip(calls), Provider(calls)
    sip.start()
    load(options.rate, 2, "warm-up", 0, [sip, provider])
    next_call = load(options.rate, options.seconds, "without", 100_000, [sip, provider])
    took = []
    reloading = threading.Thread(target=reloads, args=(files, options.seconds, took, calls))
    reloading.start()
    load(options.rate, options.seconds, "with", next_call, [sip, provider])
    reloading.join()
    time.sleep(TALK_S + ANSWER_WITHIN_S)
    calls.harmed += ["%s: no answer" % name for name in sip.open]
    for (kind, phase), times in sorted(calls.times.items()):
        if phase == "warm-up":
            continue
        print("%-8s %-7s reloads: %5d calls, p50 %6.2f ms, p99 %6.2f ms, most %6.2f ms" % (
            kind, phase, len(times), percentile(times, 0.5), percentile(times, 0.99), max(times)))
    print("a reload takes p50 %.0f ms, at most %.0f ms" % (percentile(took, 0.5), max(took)))
    figures = json.loads(api("GET", "/v1/metrics")[1])
    print("%d calls begun, %d in the figures: %s" % (
        calls.begun, figures["calls"], json.dumps(figures["outcomes"])))
    if figures["calls"] != calls.begun:
        calls.harmed.append("calls are missing in the figures")
    return calls.harmed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--binary", default=os.environ.get("ATTENDANT_BIN", "target/release/attendant"))
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    binary, files = os.path.abspath(options.binary), Files(options.folder)
    log = open(os.path.join(options.folder, "server.log"), "w", encoding="utf-8")
    server = subprocess.Popen(
        [binary, "serve", "--config", "attendant.toml"], cwd=options.folder, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                if api("GET", "/readyz")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.1)
        harmed = measure(options, files)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    print("calls harmed, or reloads not as expected: %d" % len(harmed), *harmed[:10], sep="\n  ")
    sys.exit(1 if harmed else 0)


main()
