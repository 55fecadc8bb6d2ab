"""Judges the XML under tests/data/plivo by the elements of Plivo's own Python SDK.

    pip install plivo
    python tests/live/providers/judge_plivo.py

Every element has to be one the SDK can build, nested as the SDK allows, with attributes it knows:
the document is built again by the SDK and compared. Exits with 1 and names the file otherwise.
"""

import sys
from pathlib import Path

from lxml import etree
from plivo import plivoxml

MADE_FROM_TEXT = ("Speak", "Play", "Redirect", "Number", "User", "Conference")
FOLDER = Path(__file__).resolve().parents[2] / "data" / "plivo"


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def build(read):
    make = getattr(plivoxml, read.tag + "Element")
    element = make(read.text) if read.tag in MADE_FROM_TEXT else make()
    for name, value in read.attrib.items():
        assert hasattr(element, snake(name)), f"{read.tag} has no {name}"
        # The SDK writes booleans and numbers from values of that kind.
        values = {"true": True, "false": False}
        setattr(element, snake(name), values.get(value, value))
    for child in read:
        element.add(build(child))
    return element


def flat(element):
    attributes = sorted(element.attrib.items())
    return element.tag, attributes, element.text or "", [flat(child) for child in element]


def main():
    judged = 0
    for path in sorted(FOLDER.glob("*.doc")):
        head, body = path.read_text().split("\n\n", 1)
        assert head == "200 application/xml", path
        try:
            ours = etree.fromstring(body.strip().encode())
            theirs = etree.fromstring(build(ours).to_string(pretty=False))
            assert flat(ours) == flat(theirs), f"{flat(ours)}\n  {flat(theirs)}"
        except Exception as error:
            print(f"{path.name}: {body}\n  {error!r}")
            return 1
        judged += 1
    print(f"{judged} documents are as the SDK builds them")
    return 0 if judged else 1


sys.exit(main())
