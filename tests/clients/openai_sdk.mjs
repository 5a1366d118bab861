// The official OpenAI SDK against the gateway: only the base URL is changed.

import {
  Forecast, IMAGE, MORE, QUESTION, RESULT, SYSTEM, WEATHER, load, many, play,
} from "./plan.mjs";

const { OpenAI, OpenAIError } = load("openai");
const { zodResponseFormat } = load("openai/helpers/zod");

const TOOL = { type: "function", function: { name: "get_weather", parameters: WEATHER } };

async function call(plan, one, account) {
  const options = "retries" in one ? { maxRetries: one.retries } : {};
  const openai = new OpenAI({
    baseURL: `${plan.base_url}/v1`,
    apiKey: one.key ?? plan.key,
    defaultHeaders: one.headers ?? {},
    fetch: account.fetch,
    ...options,
  });
  await HOW[one.how](openai, one, account);
}

const CHOICES = {
  none: { tool_choice: "none" },
  some: { tool_choice: "required" },
  named: { tool_choice: { type: "function", function: { name: "get_weather" } } },
  one: { parallel_tool_calls: false },
};

function asked(one) {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${IMAGE}` } };
  const content = one.image ? [{ type: "text", text: QUESTION }, image] : QUESTION;
  const system = one.system ? [{ role: "system", content: SYSTEM }] : [];
  return {
    model: one.model,
    messages: [...system, { role: "user", content }],
    ...(one.tools && { tools: [TOOL] }),
    ...(one.choice && CHOICES[one.choice]),
    ...(one.max && { max_completion_tokens: one.max }),
    ...(one.stop && { stop: one.stop }),
    ...(one.think && { reasoning_effort: "low" }),
    ...(one.user && { safety_identifier: "user-7" }),
    ...one.set,
  };
}

/** Chunk by chunk, as most programs do. */
async function stream(openai, one, account) {
  const calls = new Map();
  let [finish, thought, refusal] = [null, "", ""];
  const usage = one.usage ? { stream_options: { include_usage: true } } : {};
  const chunks = await openai.chat.completions.create({ stream: true, ...usage, ...asked(one) });
  for await (const chunk of chunks) {
    if (chunk.usage) tokens(chunk.usage, one, account);
    for (const choice of chunk.choices) {
      account.say(choice.delta.content);
      thought += choice.delta.reasoning_content ?? "";
      refusal += choice.delta.refusal ?? "";
      finish = choice.finish_reason ?? finish;
      for (const piece of choice.delta.tool_calls ?? []) {
        if (!calls.has(piece.index)) calls.set(piece.index, { name: "", args: "" });
        const known = calls.get(piece.index);
        known.name += piece.function?.name ?? "";
        known.args += piece.function?.arguments ?? "";
      }
    }
  }
  if (one.detail) account.think(thought);
  for (const known of calls.values()) account.call(known.name, known.args);
  if (refusal) account.add("refusal", refusal);
  account.add("finish", finish ?? "None");
}

function tokens(usage, one, account) {
  if (!one.detail) return account.add("tokens", usage.completion_tokens);
  const cached = usage.prompt_tokens_details?.cached_tokens ?? "None";
  const thought = usage.completion_tokens_details?.reasoning_tokens ?? "None";
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  account.add("tokens", `${prompt}, ${cached} cached, ${completion}, ${thought} thought`);
}

/** The SDK puts the answer together itself. */
async function helper(openai, one, account) {
  const events = openai.chat.completions.stream(asked(one));
  events.on("content", (delta) => account.say(delta));
  message(await events.finalChatCompletion(), one, account, false);
}

async function whole(openai, one, account) {
  message(await openai.chat.completions.create(asked(one)), one, account);
}

/** An answer of a given form, read by the SDK. */
async function parse(openai, one, account) {
  const body = { ...asked(one), response_format: zodResponseFormat(Forecast, "Forecast") };
  const completion = one.stream
    ? await openai.chat.completions.stream(body).finalChatCompletion()
    : await openai.chat.completions.parse(body);
  account.parsed(completion.choices[0].message.parsed);
  account.add("finish", completion.choices[0].finish_reason);
}

/** Calls tools, sends back what came of them, and hears the last word. */
async function rounds(openai, one, account) {
  const body = asked(one);
  for (let round = 0; round < 2; round += 1) {
    account.say(round ? " / " : "");
    const completion = one.stream
      ? await openai.chat.completions.stream(body).finalChatCompletion()
      : await openai.chat.completions.create(body);
    message(completion, one, account);
    const answer = completion.choices[0].message;
    body.messages.push(answer);
    const content = one.parts ? [{ type: "text", text: RESULT }] : RESULT;
    for (const { id } of answer.tool_calls ?? []) {
      body.messages.push({ role: "tool", tool_call_id: id, content });
    }
    if (one.more) body.messages.push({ role: "user", content: MORE });
    if (one.middle) body.messages.push({ role: "system", content: SYSTEM });
  }
}

function message(completion, one, account, said = true) {
  const [choice] = completion.choices;
  const text = choice.message.content ?? "";
  if (said) account.say(text);
  else if (account.text !== text) throw new Error("the accumulator lost something");
  if (one.detail) account.think(choice.message.reasoning_content ?? "");
  for (const { function: it } of choice.message.tool_calls ?? []) {
    account.call(it.name, it.arguments);
  }
  if (choice.message.refusal) account.add("refusal", choice.message.refusal);
  if (one.usage && completion.usage) tokens(completion.usage, one, account);
  account.add("finish", choice.finish_reason);
}

async function models(openai, one, account) {
  const ids = [];
  for await (const model of openai.models.list()) ids.push(model.id);
  account.add("models", ids.join(","));
}

async function model(openai, one, account) {
  account.add("model", (await openai.models.retrieve(one.model)).id);
}

function crowd(openai, one, account) {
  return many(account, async () => {
    let said = "";
    const chunks = await openai.chat.completions.create({ stream: true, ...asked(one) });
    for await (const chunk of chunks) said += chunk.choices[0]?.delta.content ?? "";
    return said;
  });
}

const HOW = { stream, helper, whole, parse, rounds, models, model, many: crowd };

await play(call, OpenAIError);
