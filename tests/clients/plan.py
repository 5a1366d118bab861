"""Plays a plan of calls through an SDK and prints what its user got, one JSON line per call.

The plan comes on standard input: {"base_url", "key", "calls": [{"how", "model", ...}]}.
An account is what a program can see, and no more: what was said, how it ended, what was raised.
"""

import json
import sys

from pydantic import BaseModel

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
}

# One pixel.
IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)

QUESTION = "What is the weather in Oslo?"
SYSTEM = "Be brief."
RESULT = "sunny"
MORE = "And tomorrow?"


class Forecast(BaseModel):
    """What an answer of a given form holds."""

    city: str
    days: int


class Account:
    """What one call came to."""

    def __init__(self, detail=False):
        self.detail = detail
        self.parts = []
        self.text = ""
        self.sent = 0
        self.trail = ""

    def on_request(self, request):
        self.sent += request.method == "POST"

    def on_response(self, response):
        self.trail = response.headers.get("x-backstop-trail", "")

    def hooks(self):
        return {"request": [self.on_request], "response": [self.on_response]}

    def async_hooks(self):
        async def on_request(request):
            self.on_request(request)

        async def on_response(response):
            self.on_response(response)

        return {"request": [on_request], "response": [on_response]}

    def say(self, text):
        self.text += text or ""

    def add(self, name, value):
        self.parts.append(f"{name}:{value}")

    def think(self, text, signed=False):
        if text or signed:
            self.add("thought", f"{text.strip()} (signed)" if signed else text.strip())

    def call(self, name, arguments):
        """A tool call, whose arguments must be complete."""
        self.add("call", f"{name}{json.dumps(json.loads(arguments))}")

    def raised(self, error):
        body = getattr(error, "body", None)
        body = body.get("error", body) if isinstance(body, dict) else {}
        message = body.get("message", "") if isinstance(body, dict) else ""
        assert message in str(error), f"{message!r} is not in {error!s}"
        status = getattr(error, "status_code", "-")
        self.add("raised", f"{type(error).__name__} {status} {message or str(error)}")
        if self.detail:
            for name in ("type", "code", "param"):
                if getattr(error, name, None):
                    self.add(name, getattr(error, name))
            self.add("request-id", "yes" if getattr(error, "request_id", None) else "no")
        response = getattr(error, "response", None)
        headers = response.headers if response is not None else {}
        for name in ("retry-after", "x-should-retry"):
            if name in headers:
                self.add(name, headers[name])

    def line(self):
        said = [f"said:{self.text}"] if self.text else []
        trail = [f"trail:{short(self.trail)}"] if self.trail else []
        return " | ".join(said + self.parts + trail + [f"sent:{self.sent}"])


def short(trail):
    """`a=529,b=ok` of `a/x=stale,a/x=529,a/x=529,b/ok=ok`: whether a pooled connection had been
    closed, and how often the same was tried, is told elsewhere."""
    entries = []
    for entry in trail.split(","):
        target, outcome = entry.rsplit("=", 1)
        entry = f"{target.split('/')[0]}={outcome}"
        if outcome != "stale" and entries[-1:] != [entry]:
            entries.append(entry)
    return ",".join(entries)


def play(call, errors):
    plan = json.load(sys.stdin)
    for case in plan["calls"]:
        account = Account(case.get("detail", False))
        try:
            call(plan, case, account)
        except errors as error:
            account.raised(error)
        print(json.dumps({"account": account.line(), "sent": account.sent}), flush=True)
