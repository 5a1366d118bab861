"""The official OpenAI SDK's Responses against the gateway: only the base URL is changed."""

import asyncio

from openai import (
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
    OpenAIError,
)

from plan import QUESTION, WEATHER, play

TOOL = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False}


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
    async for event in await client.responses.create(stream=True, **asked(case)):
        if event.type == "response.output_text.delta":
            said += event.delta
    return said


def asked(case):
    body = {"model": case["model"], "input": QUESTION}
    if case.get("tools"):
        body["tools"] = [TOOL]
    return body


def stream(openai, case, account):
    """Event by event, as most programs do."""
    finish, calls = None, []
    for event in openai.responses.create(stream=True, **asked(case)):
        if event.type == "response.output_text.delta":
            account.say(event.delta)
        elif event.type == "response.output_item.done" and event.item.type == "function_call":
            calls.append(event.item)
        elif event.type in ("response.completed", "response.incomplete", "response.failed"):
            finish = event.response.status
            if case.get("usage"):
                account.add("tokens", event.response.usage.output_tokens)
    for item in calls:
        account.call(item.name, item.arguments)
    account.add("finish", finish)


def helper(openai, case, account):
    """The SDK puts the answer together itself, and checks the order of events."""
    with openai.responses.stream(**asked(case)) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                account.say(event.delta)
        message(raised_as_sdk(events.get_final_response), account, said=False)


def raised_as_sdk(final):
    """A stream without its last event is a `RuntimeError` of the SDK."""
    try:
        return final()
    except RuntimeError as error:
        raise OpenAIError(str(error)) from error


def whole(openai, case, account):
    message(openai.responses.create(**asked(case)), account)


def message(response, account, said=True):
    if said:
        account.say(response.output_text)
    else:
        assert account.text == response.output_text, "the accumulator lost something"
    for item in response.output:
        if item.type == "function_call":
            account.call(item.name, item.arguments)
    account.add("finish", response.status)


def count(openai, case, account):
    account.add("tokens", openai.responses.input_tokens.count(**asked(case)).input_tokens)


def models(openai, case, account):
    account.add("models", ",".join(model.id for model in openai.models.list()))


def model(openai, case, account):
    account.add("model", openai.models.retrieve(case["model"]).id)


HOW = {
    "stream": stream,
    "helper": helper,
    "whole": whole,
    "count": count,
    "models": models,
    "model": model,
}

play(call, OpenAIError)
