#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The EtherNet/IP part of the demonstration: a stacker whose controller behaves like a Logix, and the historian as
its client. The controller says itself what it was asked to do, and did.

By itself it is that client, to try what one likes where `KEEP=1 make demo` has left the plant up:

    stacker.py read TAG | write TAG NUMBER | stop
"""
import json
import os
import pathlib
import re
import shutil
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "net"))
import enip  # noqa: E402
from lab import BUILD, HISTORIAN, ROOT  # noqa: E402

ADDRESS = "10.2.0.4"
REFUSED = 0x0F  # CIP's general status "privilege violation"
NPM = BUILD / "enip" / "npm"  # there once the tests have run; the demonstration installs nothing from npm


def plain(did):
    """A line of the controller's log in words, where it is a write of one number."""
    m = re.fullmatch(r"write (\S+) offset 0 data (\w+)", did)
    return f"{m[1]} = {int.from_bytes(bytes.fromhex(m[2]), 'little', signed=True)}" if m else did


def told(reply):
    """What the client got to hear, in words."""
    values = reply.values() if reply.status == 0 and reply.service == enip.READ else None
    if values:
        return f"The controller answered {', '.join(map(str, values))}."
    return {0: "The controller did it.", REFUSED: "The gate answered with CIP error 0F (privilege violation)."}.get(
        reply.status, f"The answer was CIP error {reply.status:02X}.")


class Stacker:
    def __init__(self, lab, story):
        self.lab, self.story = lab, story
        lab.ip("plant", f"addr add {ADDRESS}/24 dev eth1")
        self.device = lab.start("plant", BUILD / "peers/logix", "-a", ADDRESS, ready="^ready$", name="stacker")

    def did(self):
        """What the controller carried out, by its own log; opening and closing connections left out."""
        return [plain(line.removeprefix("did ")) for line in self.device.lines
                if line.startswith("did ") and "forward-" not in line]

    def play(self):
        s = self.story
        s.chapter("The stacker: tags of a Logix controller, over EtherNet/IP")
        s.say("""The permit says: the historian may read the tags Count, Speed, Running and Setpoint of the stacker's
              controller, list its tags, and write the tag Setpoint (mm/s) with values 0 to 600. Nothing else.""")
        client = enip.Client(self.lab.connect(ADDRESS, port=enip.PORT))
        s.step("The historian opens one connection, registers a session and keeps both.",
               "The controller gave it a session.", client.register() == 0)
        self.permitted(client)
        self.refused(client)
        self.what_the_controller_did()
        self.program_not_ours()
        client.socket.close()

    def ask(self, client, tried, message, status=0, values=None):
        reply = client.ask_routed(message)
        right = values is None or reply.status == 0 and reply.values() == values
        self.story.step(tried, told(reply), reply.status == status and right)

    def permitted(self, client):
        self.ask(client, "It reads the tag Count.", enip.read("Count"), values=[0])
        self.ask(client, "It writes 450 into the tag Setpoint: inside 0 to 600.",
                 enip.write("Setpoint", enip.INT, 450))
        self.ask(client, "It reads Setpoint back.", enip.read("Setpoint"), values=[450])

    def refused(self, client):
        for tried, message in (
                ("It writes 900 into Setpoint: too fast for the stacker.", enip.write("Setpoint", enip.INT, 900)),
                ("It writes 0 into the tag Guard: not in the permit.", enip.write("Guard", enip.DINT, 0)),
                ("It stops the processor: not in the permit at all.", enip.request(enip.STOP, enip.PROCESSOR))):
            self.ask(client, tried, message, status=REFUSED)
        hidden = client.ask_routed(enip.multiple(enip.read("Count"), enip.write("Guard", enip.DINT, 0)))
        statuses = [part.status for part in hidden.parts()]
        self.story.step("It hides the write into Guard behind a read, in one packet of several requests.",
                        f"Each got a CIP error ({', '.join(f'{n:02X}' for n in statuses)}): none of it is done.",
                        statuses == [REFUSED, REFUSED])
        self.ask(client, "It goes on reading, on the same connection and in the same session.",
                 enip.read("Setpoint"), values=[450])

    def what_the_controller_did(self):
        done = self.did()
        self.story.step("What did the controller itself carry out, by its own log?",
                        f"{'; '.join(done) or 'Nothing'}. The forbidden writes and the stop never reached it.",
                        done == ["Setpoint = 450"])

    def program_not_ours(self):
        """The same with st-ethernet-ip, where the tests have installed it already."""
        if not (NPM / "installed.json").is_file() or not shutil.which("node"):
            return
        done = self.lab.run("enterprise", "node", ROOT / "tests/enip/client.js", "st-connected", ADDRESS, "read:Setpoint",
                            "write:Count=9", "read:Setpoint", env=dict(os.environ, ENIP_NPM=str(NPM)), check=False)
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        values = [t.get("value", f"CIP error {t.get('status')}") for t in told]
        self.story.step("st-ethernet-ip, a program that is not ours, reads Setpoint, writes Count, reads Setpoint.",
                        f"It says: {', '.join(map(str, values)) or done.stdout[-200:]}.",
                        values == [450, "CIP error 15", 450])


def message_of(words):
    """The request that the words ask for; DINT, but for the tag Setpoint."""
    match words:
        case ["read", tag]:
            return enip.read(tag)
        case ["write", tag, number]:
            return enip.write(tag, enip.INT if tag.lower() == "setpoint" else enip.DINT, int(number))
        case ["stop"]:
            return enip.request(enip.STOP, enip.PROCESSOR)
    sys.exit(__doc__)


def main(words):
    message = message_of(words)
    with socket.create_connection((ADDRESS, enip.PORT), 5, (HISTORIAN, 0)) as connection:
        client = enip.Client(connection)
        client.register()
        print(told(client.ask_routed(message)))


if __name__ == "__main__":
    main(sys.argv[1:])
