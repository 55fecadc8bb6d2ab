"""Judges the TwiML under tests/data by the elements of Twilio's own Python SDK.

    pip install twilio lxml
    python tests/live/providers/judge_twilio.py

Every element has to be one the SDK can build inside its parent, with attributes its method takes:
the document is built again by the SDK and compared. What SignalWire and Telnyx have and Twilio has
not is named below. Exits with 1 and names the file otherwise.
"""

import inspect
import re
import sys
from pathlib import Path

from lxml import etree
from twilio.twiml.voice_response import VoiceResponse

DATA = Path(__file__).resolve().parents[2] / "data"
# SignalWire's word for a client of its own, as its reference has it.
OTHERS = {"signalwire": {"Verto": "client"}}
# Elements whose text is the first argument of their method.
TEXTS = {
    "Say": "message",
    "Play": "url",
    "Redirect": "url",
    "Number": "phone_number",
    "Sip": "sip_url",
    "Client": "identity",
    "Conference": "name",
    "Verto": "identity",
}


def snake(name):
    return re.sub("([A-Z])", r"_\1", name).lower().lstrip("_")


def method(parent, tag, others):
    name = others.get(tag, snake(tag))
    found = getattr(parent, name, None) or getattr(parent, name + "_", None)
    assert found, f"{type(parent).__name__} has no {tag}"
    return found


def build(parent, read, others):
    make = method(parent, read.tag, others)
    known = inspect.signature(make).parameters
    given = {}
    for name, value in read.attrib.items():
        assert snake(name) in known, f"{read.tag} has no {name}"
        given[snake(name)] = value
    if read.tag in TEXTS:
        given[TEXTS[read.tag]] = read.text
    made = make(**given)
    for child in read:
        build(made, child, others)


def flat(element, others):
    tag = element.tag
    if tag in others:
        tag = others[tag].capitalize()
    children = [flat(child, others) for child in element]
    return tag, sorted(element.attrib.items()), element.text or "", children


def main():
    judged = 0
    for provider in ("twilio", "signalwire", "texml"):
        others = OTHERS.get(provider, {})
        for path in sorted((DATA / provider).glob("*.doc")):
            head, body = path.read_text().split("\n\n", 1)
            assert head == "200 text/xml", path
            try:
                ours = etree.fromstring(body.strip().encode())
                theirs = VoiceResponse()
                for verb in ours:
                    build(theirs, verb, others)
                theirs = etree.fromstring(theirs.to_xml().encode())
                assert flat(ours, others) == flat(theirs, {}), etree.tostring(theirs)
            except Exception as error:
                print(f"{path}: {body}\n  {error!r}")
                return 1
            judged += 1
    print(f"{judged} documents are as the SDK builds them")
    return 0 if judged else 1


sys.exit(main())
