// The official OpenAI SDK's Responses against the gateway: only the base URL is changed.

import { QUESTION, WEATHER, load, many, play } from "./plan.mjs";

const { OpenAI, OpenAIError } = load("openai");

const TOOL = { type: "function", name: "get_weather", parameters: WEATHER, strict: false };

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

function asked(one) {
  return { model: one.model, input: QUESTION, ...(one.tools && { tools: [TOOL] }) };
}

const LAST = ["response.completed", "response.incomplete", "response.failed"];

/** Event by event, as most programs do. */
async function stream(openai, one, account) {
  const calls = [];
  let finish = null;
  for await (const event of await openai.responses.create({ stream: true, ...asked(one) })) {
    if (event.type === "response.output_text.delta") account.say(event.delta);
    if (event.type === "response.output_item.done" && event.item.type === "function_call") {
      calls.push(event.item);
    }
    if (LAST.includes(event.type)) {
      finish = event.response.status;
      if (one.usage) account.add("tokens", event.response.usage.output_tokens);
    }
  }
  for (const item of calls) account.call(item.name, item.arguments);
  account.add("finish", finish ?? "None");
}

/** The SDK puts the answer together itself, and checks the order of events. */
async function helper(openai, one, account) {
  const events = openai.responses.stream(asked(one));
  events.on("response.output_text.delta", ({ delta }) => account.say(delta));
  message(await events.finalResponse(), account, false);
}

async function whole(openai, one, account) {
  message(await openai.responses.create(asked(one)), account);
}

function message(response, account, said = true) {
  if (said) account.say(response.output_text);
  else if (account.text !== response.output_text) {
    throw new Error("the accumulator lost something");
  }
  for (const item of response.output) {
    if (item.type === "function_call") account.call(item.name, item.arguments);
  }
  account.add("finish", response.status);
}

async function count(openai, one, account) {
  const { input_tokens: tokens } = await openai.responses.inputTokens.count(asked(one));
  account.add("tokens", tokens);
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
    for await (const event of await openai.responses.create({ stream: true, ...asked(one) })) {
      if (event.type === "response.output_text.delta") said += event.delta;
    }
    return said;
  });
}

const HOW = { stream, helper, whole, count, models, model, many: crowd };

await play(call, OpenAIError);
