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

from plan import IMAGE, MORE, QUESTION, RESULT, SYSTEM, WEATHER, Forecast, play

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
    content = QUESTION
    if case.get("image"):
        source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
        content = [{"type": "text", "text": QUESTION}, {"type": "image", "source": source}]
    body = {
        "model": case["model"],
        "max_tokens": case.get("max", 256),
        "messages": [{"role": "user", "content": content}],
    }
    if case.get("system"):
        body["system"] = SYSTEM
    if case.get("tools"):
        body["tools"] = [TOOL]
    if "choice" in case:
        body["tool_choice"] = CHOICES[case["choice"]]
    if "stop" in case:
        body["stop_sequences"] = case["stop"]
    if case.get("think"):
        body["thinking"] = {"type": "adaptive"}
        body["output_config"] = {"effort": "low"}
    if case.get("user"):
        body["metadata"] = {"user_id": "user-7"}
    if "set" in case:
        body["extra_body"] = case["set"]
    return body


CHOICES = {
    "none": {"type": "none"},
    "some": {"type": "any"},
    "named": {"type": "tool", "name": "get_weather"},
    "one": {"type": "auto", "disable_parallel_tool_use": True},
}


def stream(anthropic, case, account):
    """Event by event, as most programs do."""
    calls, finish, ended, thought, signed = {}, None, False, "", False
    for event in anthropic.messages.create(stream=True, **asked(case)):
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            calls[event.index] = {"name": event.content_block.name, "arguments": ""}
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            account.say(event.delta.text)
        elif event.type == "content_block_delta" and event.delta.type == "thinking_delta":
            thought += event.delta.thinking
        elif event.type == "content_block_delta" and event.delta.type == "signature_delta":
            signed = bool(event.delta.signature)
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            calls[event.index]["arguments"] += event.delta.partial_json
        elif event.type == "message_delta":
            finish = stopped(event.delta) or finish
            if case.get("usage"):
                tokens(event.usage, case, account)
        ended = event.type == "message_stop"
    if case.get("detail"):
        account.think(thought, signed)
    for known in calls.values():
        account.call(**known)
    account.add("finish", finish if ended else f"{finish} without message_stop")


def stopped(answer):
    """Why, and what belongs to that."""
    details = getattr(answer, "stop_details", None)
    more = (answer.stop_sequence, details and f"{details.category}: {details.explanation}")
    return " ".join(filter(None, (answer.stop_reason, *more)))


def tokens(usage, case, account):
    if not case.get("detail"):
        return account.add("tokens", usage.output_tokens)
    details = getattr(usage, "output_tokens_details", None)
    thought = details and details.thinking_tokens
    cached = f"{usage.cache_read_input_tokens}+{usage.cache_creation_input_tokens} cached"
    account.add(
        "tokens", f"{usage.input_tokens}, {cached}, {usage.output_tokens}, {thought} thought"
    )


def helper(anthropic, case, account):
    """The SDK puts the answer together itself."""
    with anthropic.messages.stream(**asked(case)) as events:
        for text in events.text_stream:
            account.say(text)
        message(events.get_final_message(), case, account, said=False)


def whole(anthropic, case, account):
    message(anthropic.messages.create(**asked(case)), case, account)


def parse(anthropic, case, account):
    """An answer of a given form, read by the SDK."""
    body = {**asked(case), "output_format": Forecast}
    if case.get("stream"):
        with anthropic.messages.stream(**body) as events:
            answer = events.get_final_message()
    else:
        answer = anthropic.messages.parse(**body)
    account.add("parsed", answer.parsed_output)
    account.add("finish", stopped(answer))


def rounds(anthropic, case, account):
    """Calls tools, sends back what came of them, and hears the last word."""
    body = asked(case)
    for nth in range(2):
        account.say(" / " if nth else "")
        if case.get("stream"):
            with anthropic.messages.stream(**body) as events:
                answer = events.get_final_message()
        else:
            answer = anthropic.messages.create(**body)
        message(answer, case, account)
        content = [{"type": "text", "text": RESULT}] if case.get("parts") else RESULT
        failed = {"is_error": True} if case.get("failed") else {}
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": content, **failed}
            for block in answer.content
            if block.type == "tool_use"
        ]
        if case.get("more"):
            results.append({"type": "text", "text": MORE})
        body["messages"].append({"role": "assistant", "content": answer.content})
        body["messages"].append({"role": "user", "content": results})
        if case.get("middle"):
            body["messages"].append({"role": "system", "content": SYSTEM})


def message(answer, case, account, said=True):
    text = "".join(block.text for block in answer.content if block.type == "text")
    if said:
        account.say(text)
    else:
        assert account.text == text, "the accumulator lost something"
    for block in answer.content:
        if block.type == "thinking" and case.get("detail"):
            account.think(block.thinking, bool(block.signature))
        if block.type == "tool_use":
            account.call(block.name, json.dumps(block.input))
    if case.get("usage"):
        tokens(answer.usage, case, account)
    account.add("finish", stopped(answer))


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
    "parse": parse,
    "rounds": rounds,
    "models": models,
    "model": model,
    "count": count,
}

play(call, AnthropicError)
