"""Feeds streams to the official SDKs' own accumulators and prints what they make of them.

Standard input: {"openai": {NAME: [chunk, ...]}, "anthropic": {NAME: [event, ...]}}. Standard output:
one JSON line per stream, {"name", "document"} or {"name", "raised"}.
"""

import json
import sys

from anthropic.lib.streaming._messages import accumulate_event
from openai._models import construct_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk


def chat(chunks):
    state = ChatCompletionStreamState()
    for chunk in chunks:
        # As the SDK reads a chunk from the wire: without checking it.
        state.handle_chunk(construct_type(type_=ChatCompletionChunk, value=chunk))
    return state.current_completion_snapshot.to_dict(mode="json", warnings=False)


def messages(events):
    snapshot, inputs = None, {}
    for event in events:
        if event["type"] in KNOWN:
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=inputs)
    return snapshot.to_dict(mode="json", warnings=False)


# What the SDK hands to its accumulator; all else it passes over.
KNOWN = {
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
}


def main():
    streams = json.load(sys.stdin)
    for dialect, accumulate in (("openai", chat), ("anthropic", messages)):
        for name, pieces in streams[dialect].items():
            try:
                told = {"name": name, "document": accumulate(pieces)}
            except Exception as error:  # What an SDK raises is what its user would see.
                told = {"name": name, "raised": type(error).__name__}
            print(json.dumps(told), flush=True)


main()
