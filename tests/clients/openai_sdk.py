"""The official OpenAI SDK against the gateway: only the base URL is changed."""

import asyncio

from openai import (
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
    OpenAIError,
)

from plan import WEATHER, play

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}


def client(plan, case, account):
    options = {"max_retries": case["retries"]} if "retries" in case else {}
    return OpenAI(
        base_url=plan["base_url"] + "/v1",
        api_key=case.get("key", plan["key"]),
        default_headers=case.get("headers", {}),
        http_client=DefaultHttpxClient(event_hooks=account.hooks()),
        **options,
    )


def call(plan, case, account):
    if case["how"] == "many":
        return asyncio.run(many(plan, case, account))
    with client(plan, case, account) as openai:
        HOW[case["how"]](openai, case, account)


async def many(plan, case, account):
    """Many streams at once, through the asynchronous client."""
    http = DefaultAsyncHttpxClient(event_hooks=account.async_hooks())
    base_url = plan["base_url"] + "/v1"
    async with AsyncOpenAI(base_url=base_url, api_key=plan["key"], http_client=http) as client:
        answers = await asyncio.gather(*(one(client, case) for _ in range(32)))
    account.say(" and ".join(sorted(set(answers))))
    account.add("answers", len(answers))


async def one(client, case):
    said = ""
    async for chunk in await client.chat.completions.create(stream=True, **asked(case)):
        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    return said


def asked(case):
    body = {
        "model": case["model"],
        "messages": [{"role": "user", "content": "What is the weather in Oslo?"}],
    }
    if case.get("tools"):
        body["tools"] = [TOOL]
    return body


def stream(openai, case, account):
    """Chunk by chunk, as most programs do."""
    calls, finish = {}, None
    usage = {"stream_options": {"include_usage": True}} if case.get("usage") else {}
    for chunk in openai.chat.completions.create(stream=True, **usage, **asked(case)):
        if chunk.usage:
            account.add("tokens", chunk.usage.completion_tokens)
        for choice in chunk.choices:
            account.say(choice.delta.content)
            finish = choice.finish_reason or finish
            for piece in choice.delta.tool_calls or []:
                known = calls.setdefault(piece.index, {"name": "", "arguments": ""})
                known["name"] += piece.function.name or ""
                known["arguments"] += piece.function.arguments or ""
    for known in calls.values():
        account.call(**known)
    account.add("finish", finish)


def helper(openai, case, account):
    """The SDK puts the answer together itself."""
    with openai.chat.completions.stream(**asked(case)) as events:
        for event in events:
            if event.type == "content.delta":
                account.say(event.delta)
        message(events.get_final_completion(), account, said=False)


def whole(openai, case, account):
    message(openai.chat.completions.create(**asked(case)), account)


def message(completion, account, said=True):
    choice = completion.choices[0]
    if said:
        account.say(choice.message.content)
    else:
        assert account.text == (choice.message.content or ""), "the accumulator lost something"
    for one in choice.message.tool_calls or []:
        account.call(one.function.name, one.function.arguments)
    account.add("finish", choice.finish_reason)


def models(openai, case, account):
    account.add("models", ",".join(model.id for model in openai.models.list()))


def model(openai, case, account):
    account.add("model", openai.models.retrieve(case["model"]).id)


HOW = {"stream": stream, "helper": helper, "whole": whole, "models": models, "model": model}

play(call, OpenAIError)
