// The official Anthropic SDK against the gateway: only the base URL is changed.

import {
  Forecast, IMAGE, MORE, QUESTION, RESULT, SYSTEM, WEATHER, load, many, play,
} from "./plan.mjs";

const { Anthropic, AnthropicError } = load("@anthropic-ai/sdk");
const { zodOutputFormat } = load("@anthropic-ai/sdk/helpers/zod");

const TOOL = { name: "get_weather", input_schema: WEATHER };

async function call(plan, one, account) {
  const options = "retries" in one ? { maxRetries: one.retries } : {};
  const anthropic = new Anthropic({
    baseURL: plan.base_url,
    apiKey: one.key ?? plan.key,
    defaultHeaders: one.headers ?? {},
    fetch: account.fetch,
    ...options,
  });
  await HOW[one.how](anthropic, one, account);
}

const CHOICES = {
  none: { type: "none" },
  some: { type: "any" },
  named: { type: "tool", name: "get_weather" },
  one: { type: "auto", disable_parallel_tool_use: true },
};

function asked(one) {
  const source = { type: "base64", media_type: "image/png", data: IMAGE };
  const image = [{ type: "text", text: QUESTION }, { type: "image", source }];
  return {
    model: one.model,
    max_tokens: one.max ?? 256,
    messages: [{ role: "user", content: one.image ? image : QUESTION }],
    ...(one.system && { system: SYSTEM }),
    ...(one.tools && { tools: [TOOL] }),
    ...(one.choice && { tool_choice: CHOICES[one.choice] }),
    ...(one.stop && { stop_sequences: one.stop }),
    ...(one.think && { thinking: { type: "adaptive" }, output_config: { effort: "low" } }),
    ...(one.user && { metadata: { user_id: "user-7" } }),
    ...one.set,
  };
}

/** Event by event, as most programs do. */
async function stream(anthropic, one, account) {
  const calls = new Map();
  let [finish, ended, thought, signed] = [null, false, "", false];
  for await (const event of await anthropic.messages.create({ stream: true, ...asked(one) })) {
    const { type, index, delta, content_block: block } = event;
    if (type === "content_block_start" && block.type === "tool_use") {
      calls.set(index, { name: block.name, args: "" });
    } else if (type === "content_block_delta" && delta.type === "text_delta") {
      account.say(delta.text);
    } else if (type === "content_block_delta" && delta.type === "thinking_delta") {
      thought += delta.thinking;
    } else if (type === "content_block_delta" && delta.type === "signature_delta") {
      signed = Boolean(delta.signature);
    } else if (type === "content_block_delta" && delta.type === "input_json_delta") {
      calls.get(index).args += delta.partial_json;
    } else if (type === "message_delta") {
      finish = stopped(delta) || finish;
      if (one.usage) tokens(event.usage, one, account);
    }
    ended = type === "message_stop";
  }
  if (one.detail) account.think(thought, signed);
  for (const known of calls.values()) account.call(known.name, known.args);
  account.add("finish", ended ? finish : `${finish} without message_stop`);
}

/** Why, and what belongs to that. */
function stopped(answer) {
  const details = answer.stop_details;
  const more = details && `${details.category}: ${details.explanation}`;
  return [answer.stop_reason, answer.stop_sequence, more].filter(Boolean).join(" ");
}

function tokens(usage, one, account) {
  if (!one.detail) return account.add("tokens", usage.output_tokens);
  const thought = usage.output_tokens_details?.thinking_tokens ?? "None";
  const read = usage.cache_read_input_tokens ?? "None";
  const cached = `${read}+${usage.cache_creation_input_tokens ?? "None"} cached`;
  const { input_tokens: input, output_tokens: output } = usage;
  account.add("tokens", `${input}, ${cached}, ${output}, ${thought} thought`);
}

/** The SDK puts the answer together itself. */
async function helper(anthropic, one, account) {
  const events = anthropic.messages.stream(asked(one));
  events.on("text", (text) => account.say(text));
  message(await events.finalMessage(), one, account, false);
}

async function whole(anthropic, one, account) {
  message(await anthropic.messages.create(asked(one)), one, account);
}

/** An answer of a given form, read by the SDK. */
async function parse(anthropic, one, account) {
  const body = { ...asked(one), output_config: { format: zodOutputFormat(Forecast) } };
  const answer = one.stream
    ? await anthropic.messages.stream(body).finalMessage()
    : await anthropic.messages.parse(body);
  account.parsed(answer.parsed_output);
  account.add("finish", stopped(answer));
}

/** Calls tools, sends back what came of them, and hears the last word. */
async function rounds(anthropic, one, account) {
  const body = asked(one);
  for (let round = 0; round < 2; round += 1) {
    account.say(round ? " / " : "");
    const answer = one.stream
      ? await anthropic.messages.stream(body).finalMessage()
      : await anthropic.messages.create(body);
    message(answer, one, account);
    const calls = answer.content.filter((block) => block.type === "tool_use");
    const content = one.parts ? [{ type: "text", text: RESULT }] : RESULT;
    const results = calls.map(({ id }) => ({
      type: "tool_result",
      tool_use_id: id,
      content,
      ...(one.failed && { is_error: true }),
    }));
    if (one.more) results.push({ type: "text", text: MORE });
    body.messages.push({ role: "assistant", content: answer.content });
    body.messages.push({ role: "user", content: results });
    if (one.middle) body.messages.push({ role: "system", content: SYSTEM });
  }
}

function message(answer, one, account, said = true) {
  const texts = answer.content.filter((block) => block.type === "text");
  const text = texts.map((block) => block.text).join("");
  if (said) account.say(text);
  else if (account.text !== text) throw new Error("the accumulator lost something");
  for (const block of answer.content) {
    if (block.type === "thinking" && one.detail) {
      account.think(block.thinking, Boolean(block.signature));
    }
    if (block.type === "tool_use") account.call(block.name, JSON.stringify(block.input));
  }
  if (one.usage) tokens(answer.usage, one, account);
  account.add("finish", stopped(answer));
}

async function models(anthropic, one, account) {
  const ids = [];
  for await (const model of anthropic.models.list()) ids.push(model.id);
  account.add("models", ids.join(","));
}

async function model(anthropic, one, account) {
  account.add("model", (await anthropic.models.retrieve(one.model)).id);
}

async function count(anthropic, one, account) {
  const { max_tokens: _, ...body } = asked(one);
  account.add("tokens", (await anthropic.messages.countTokens(body)).input_tokens);
}

function crowd(anthropic, one, account) {
  return many(account, () => anthropic.messages.stream(asked(one)).finalText());
}

const HOW = { stream, helper, whole, parse, rounds, models, model, count, many: crowd };

await play(call, AnthropicError);
