"""Judges the NCCOs under tests/data/vonage by the models of Vonage's own Python SDK.

    pip install vonage-voice
    python tests/live/providers/judge_vonage.py

Every action has to be one of the SDK's, take no field the SDK does not know, and keep the order a
prompt with bargeIn asks for. Exits with 1 and names the file otherwise.
"""

import json
import sys
from pathlib import Path

from vonage_voice.models import ncco

MODELS = {
    "talk": ncco.Talk,
    "stream": ncco.Stream,
    "input": ncco.Input,
    "record": ncco.Record,
    "connect": ncco.Connect,
    "notify": ncco.Notify,
    "wait": ncco.Wait,
    "conversation": ncco.Conversation,
}
FOLDER = Path(__file__).resolve().parents[2] / "data" / "vonage"


def judge(action):
    model = MODELS[action["action"]]
    given = dict(action)
    if "from" in given:
        given["from_"] = given.pop("from")
    known = model(**given).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert known == action, f"the SDK reads {known}"


def main():
    judged = 0
    for path in sorted(FOLDER.glob("*.doc")):
        head, body = path.read_text().split("\n\n", 1)
        assert head == "200 application/json", path
        interruptible = False
        for action in json.loads(body):
            try:
                judge(action)
                kind = action["action"]
                if interruptible:
                    assert kind in ("talk", "stream", "input"), "bargeIn wants an input next"
                interruptible = kind != "input" and (interruptible or action.get("bargeIn", False))
            except Exception as error:
                print(f"{path.name}: {json.dumps(action)}\n  {error}")
                return 1
            judged += 1
        assert not interruptible, path
    print(f"{judged} actions are as the SDK has them")
    return 0 if judged else 1


sys.exit(main())
