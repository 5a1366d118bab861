"""The official Anthropic SDK against the gateway: only the base URL is changed."""

import asyncio
import json

from anthropic import (
    Anthropic,
    AnthropicError,
    AsyncAnthropic,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
)

from plan import WEATHER, play

TOOL = {"name": "get_weather", "input_schema": WEATHER}


def client(plan, case, account):
    options = {"max_retries": case["retries"]} if "retries" in case else {}
    return Anthropic(
        base_url=plan["base_url"],
        api_key=case.get("key", plan["key"]),
        default_headers=case.get("headers", {}),
        http_client=DefaultHttpxClient(event_hooks=account.hooks()),
        **options,
    )


def call(plan, case, account):
    if case["how"] == "many":
        return asyncio.run(many(plan, case, account))
    with client(plan, case, account) as anthropic:
        HOW[case["how"]](anthropic, case, account)


async def many(plan, case, account):
    """Many streams at once, through the asynchronous client."""
    http = DefaultAsyncHttpxClient(event_hooks=account.async_hooks())
    base_url = plan["base_url"]
    async with AsyncAnthropic(base_url=base_url, api_key=plan["key"], http_client=http) as client:
        answers = await asyncio.gather(*(one(client, case) for _ in range(32)))
    account.say(" and ".join(sorted(set(answers))))
    account.add("answers", len(answers))


async def one(client, case):
    async with client.messages.stream(**asked(case)) as events:
        return await events.get_final_text()


def asked(case):
    body = {
        "model": case["model"],
        "max_tokens": 256,
        "messages": [{"role": "user", "content": "What is the weather in Oslo?"}],
    }
    if case.get("tools"):
        body["tools"] = [TOOL]
    return body


def stream(anthropic, case, account):
    """Event by event, as most programs do."""
    calls, finish, ended = {}, None, False
    for event in anthropic.messages.create(stream=True, **asked(case)):
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            calls[event.index] = {"name": event.content_block.name, "arguments": ""}
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            account.say(event.delta.text)
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            calls[event.index]["arguments"] += event.delta.partial_json
        elif event.type == "message_delta":
            finish = event.delta.stop_reason or finish
            if case.get("usage"):
                account.add("tokens", event.usage.output_tokens)
        ended = event.type == "message_stop"
    for known in calls.values():
        account.call(**known)
    account.add("finish", finish if ended else f"{finish} without message_stop")


def helper(anthropic, case, account):
    """The SDK puts the answer together itself."""
    with anthropic.messages.stream(**asked(case)) as events:
        for text in events.text_stream:
            account.say(text)
        message(events.get_final_message(), account, said=False)


def whole(anthropic, case, account):
    message(anthropic.messages.create(**asked(case)), account)


def message(answer, account, said=True):
    text = "".join(block.text for block in answer.content if block.type == "text")
    if said:
        account.say(text)
    else:
        assert account.text == text, "the accumulator lost something"
    for block in answer.content:
        if block.type == "tool_use":
            account.call(block.name, json.dumps(block.input))
    account.add("finish", answer.stop_reason)


def models(anthropic, case, account):
    account.add("models", ",".join(model.id for model in anthropic.models.list()))


def model(anthropic, case, account):
    account.add("model", anthropic.models.retrieve(case["model"]).id)


def count(anthropic, case, account):
    body = asked(case)
    del body["max_tokens"]
    account.add("tokens", anthropic.messages.count_tokens(**body).input_tokens)


HOW = {
    "stream": stream,
    "helper": helper,
    "whole": whole,
    "models": models,
    "model": model,
    "count": count,
}

play(call, AnthropicError)
