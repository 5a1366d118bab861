"""The official OpenAI SDK against the gateway: only the base URL is changed."""

import asyncio

from openai import (
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
    OpenAIError,
)

from plan import IMAGE, MORE, QUESTION, RESULT, SYSTEM, WEATHER, Forecast, play

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
    content = QUESTION
    if case.get("image"):
        url = f"data:image/png;base64,{IMAGE}"
        content = [
            {"type": "text", "text": QUESTION},
            {"type": "image_url", "image_url": {"url": url}},
        ]
    body = {"model": case["model"], "messages": [{"role": "user", "content": content}]}
    if case.get("system"):
        body["messages"].insert(0, {"role": "system", "content": SYSTEM})
    if case.get("tools"):
        body["tools"] = [TOOL]
    if "choice" in case:
        body.update(CHOICES[case["choice"]])
    if "max" in case:
        body["max_completion_tokens"] = case["max"]
    if "stop" in case:
        body["stop"] = case["stop"]
    if case.get("think"):
        body["reasoning_effort"] = "low"
    if case.get("user"):
        body["safety_identifier"] = "user-7"
    if "set" in case:
        body["extra_body"] = case["set"]
    return body


CHOICES = {
    "none": {"tool_choice": "none"},
    "some": {"tool_choice": "required"},
    "named": {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    "one": {"parallel_tool_calls": False},
}


def stream(openai, case, account):
    """Chunk by chunk, as most programs do."""
    calls, finish, thought, refusal = {}, None, "", ""
    usage = {"stream_options": {"include_usage": True}} if case.get("usage") else {}
    for chunk in openai.chat.completions.create(stream=True, **usage, **asked(case)):
        if chunk.usage:
            tokens(chunk.usage, case, account)
        for choice in chunk.choices:
            account.say(choice.delta.content)
            thought += getattr(choice.delta, "reasoning_content", None) or ""
            refusal += choice.delta.refusal or ""
            finish = choice.finish_reason or finish
            for piece in choice.delta.tool_calls or []:
                known = calls.setdefault(piece.index, {"name": "", "arguments": ""})
                known["name"] += piece.function.name or ""
                known["arguments"] += piece.function.arguments or ""
    if case.get("detail"):
        account.think(thought)
    for known in calls.values():
        account.call(**known)
    if refusal:
        account.add("refusal", refusal)
    account.add("finish", finish)


def tokens(usage, case, account):
    if not case.get("detail"):
        return account.add("tokens", usage.completion_tokens)
    cached = usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens
    thought = usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    account.add("tokens", f"{prompt}, {cached} cached, {completion}, {thought} thought")


def helper(openai, case, account):
    """The SDK puts the answer together itself."""
    with openai.chat.completions.stream(**asked(case)) as events:
        for event in events:
            if event.type == "content.delta":
                account.say(event.delta)
        message(events.get_final_completion(), case, account, said=False)


def whole(openai, case, account):
    message(openai.chat.completions.create(**asked(case)), case, account)


def parse(openai, case, account):
    """An answer of a given form, read by the SDK."""
    body = {**asked(case), "response_format": Forecast}
    if case.get("stream"):
        with openai.chat.completions.stream(**body) as events:
            completion = events.get_final_completion()
    else:
        completion = openai.chat.completions.parse(**body)
    account.add("parsed", completion.choices[0].message.parsed)
    account.add("finish", completion.choices[0].finish_reason)


def rounds(openai, case, account):
    """Calls tools, sends back what came of them, and hears the last word."""
    body = asked(case)
    for nth in range(2):
        account.say(" / " if nth else "")
        if case.get("stream"):
            with openai.chat.completions.stream(**body) as events:
                completion = events.get_final_completion()
        else:
            completion = openai.chat.completions.create(**body)
        message(completion, case, account)
        answer = completion.choices[0].message
        body["messages"].append(answer)
        content = [{"type": "text", "text": RESULT}] if case.get("parts") else RESULT
        for one in answer.tool_calls or []:
            result = {"role": "tool", "tool_call_id": one.id, "content": content}
            body["messages"].append(result)
        if case.get("more"):
            body["messages"].append({"role": "user", "content": MORE})
        if case.get("middle"):
            body["messages"].append({"role": "system", "content": SYSTEM})


def message(completion, case, account, said=True):
    choice = completion.choices[0]
    if said:
        account.say(choice.message.content)
    else:
        assert account.text == (choice.message.content or ""), "the accumulator lost something"
    if case.get("detail"):
        account.think(getattr(choice.message, "reasoning_content", None) or "")
    for one in choice.message.tool_calls or []:
        account.call(one.function.name, one.function.arguments)
    if choice.message.refusal:
        account.add("refusal", choice.message.refusal)
    if case.get("usage") and completion.usage:
        tokens(completion.usage, case, account)
    account.add("finish", choice.finish_reason)


def models(openai, case, account):
    account.add("models", ",".join(model.id for model in openai.models.list()))


def model(openai, case, account):
    account.add("model", openai.models.retrieve(case["model"]).id)


HOW = {
    "stream": stream,
    "helper": helper,
    "whole": whole,
    "parse": parse,
    "rounds": rounds,
    "models": models,
    "model": model,
}

play(call, OpenAIError)
