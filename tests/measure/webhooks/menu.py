"""The menu and the waiting loop of benches/webhooks.rs, as Twilio's Python SDK and Flask write them.

    gunicorn --workers 1 menu:app
"""

import os
from functools import wraps

from flask import Flask, Response, abort, request
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

BASE = "https://ivr.example.com"
app = Flask(__name__)
validator = RequestValidator(os.environ["TOKEN"])


def signed(view):
    @wraps(view)
    def checked():
        url = BASE + request.full_path.rstrip("?")
        signature = request.headers.get("X-Twilio-Signature", "")
        if not validator.validate(url, request.form, signature):
            abort(403)
        return Response(str(view()), mimetype="text/xml")

    return checked


@app.post("/menu")
@signed
def menu():
    response = VoiceResponse()
    if request.form.get("Digits", "3") != "3":
        response.say("That is not an option.", language="en-US")
    following = f"{BASE}/menu?n={int(request.args.get('n', 0)) + 1}"
    gather = Gather(action=following, method="POST", num_digits=1, timeout=5)
    gather.say("For billing press 1. For the other menu press 3.", language="en-US")
    response.append(gather)
    response.redirect(following, method="POST")
    return response


@app.post("/wait")
@signed
def wait():
    response = VoiceResponse()
    n = int(request.args.get("n", 0))
    response.play(f"{BASE}/music/{n % 8}.wav")
    response.redirect(f"{BASE}/wait?n={n + 1}", method="POST")
    return response
