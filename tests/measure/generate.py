#!/usr/bin/env python3
"""Writes the measuring configuration into a folder: attendant.toml, flows, prompts.

usage: generate.py FOLDER [PROMPTS]

PROMPTS is a folder with prompt1.wav (quiet 440 Hz) and prompt2.wav (loud 880 Hz), 60 s each; they
are made here when it is not given. The passwords are weak on purpose: every address is a loopback
address, and the configuration says that it knows.
"""
import math
import os
import shutil
import struct
import sys
import wave

USERS = 1000
AGENTS = 50

CONFIG = """# Made by tests/measure/generate.py for measuring on loopback. Never for a real server.
[server]
flows = "flows"
prompts = "prompts"
state = "state"
log_level = "warn"
calls_max = 20000
drain_timeout_s = 1
allow_weak_passwords_on_loopback = true

[sip]
listen = ["127.0.0.1:5070"]
transports = ["udp"]

[media]
port_min = 10000
port_max = 39998

[api]
listen = "127.0.0.1:8070"
operate_token = "measuring-on-loopback-needs-no-secret"

[trunks.generator]
addresses = ["127.0.0.1"]
channels_max = 20000

[queues.agents]
wrap_up = "off"
len_max = 5000
exclude_s = 0
misses = { no_answer = 0, rejected = 0, busy = 0, device_error = 0 }
"""

FLOW = """# What the measuring kit dials.
[flow]
numbers = ["*"]               # "s1" is no number: whatever the others do not take
start = "silent"

[play.silent]
file = "silence.wav"
next = "bye"

[hangup.bye]
"""

IVR = """[flow]
numbers = ["1000"]
start = "first"

[menu.first]
text = "prompt1.wav"
keys = { 1 = "second" }
give_up = "bye"

[play.second]
file = "prompt2.wav"
next = "bye"

[hangup.bye]
"""

QUEUE = """[flow]
numbers = ["2000"]
start = "agents"

[queue.agents]
skills = { calls = 1 }
wait_s_max = 600
timeout = "bye"
full = "bye"
no_agents = "bye"

[hangup.bye]
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def tone(path, hz, amplitude, seconds=60):
    second = [int(amplitude * math.sin(2 * math.pi * hz * i / 8000)) for i in range(8000)]
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack("<8000h", *second) * seconds)


def people():
    for n in range(AGENTS):
        yield (
            f'[agents.agent{n:02}]\nskills = {{ calls = 5 }}\n'
            f'address = "sip:agent{n:02}@127.0.0.1:6100"\nauto_login = true\nauto_ready = true\n'
        )
    # MD5: the generator's sipp knows no other digest.
    for n in range(USERS):
        yield f'[agents.u{n:04}]\npassword = "secret"\nmd5 = true\n'


def main():
    folder = sys.argv[1]
    prompts = os.path.join(folder, "prompts")
    os.makedirs(os.path.join(folder, "flows"), exist_ok=True)
    os.makedirs(prompts, exist_ok=True)
    for name, text in (("s1", FLOW), ("ivr", IVR), ("queue", QUEUE)):
        write(os.path.join(folder, "flows", name + ".toml"), text)
    if len(sys.argv) > 2:
        for name in ("prompt1.wav", "prompt2.wav"):
            shutil.copy(os.path.join(sys.argv[2], name), prompts)
    else:
        tone(os.path.join(prompts, "prompt1.wav"), 440, 2500)
        tone(os.path.join(prompts, "prompt2.wav"), 880, 16000)
    tone(os.path.join(prompts, "silence.wav"), 440, 0)
    config = os.path.join(folder, "attendant.toml")
    write(config, CONFIG + "\n" + "\n".join(people()))
    os.chmod(config, 0o600)


main()
