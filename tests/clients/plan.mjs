// Plays a plan of calls through an SDK and prints what its user got: plan.py in JavaScript, with
// the same accounts wherever the SDK lets one see the same.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// The SDKs stand beside the node that runs this.
export const load = createRequire(join(dirname(process.argv0), "index.js"));

export const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, unit: { type: "string" } },
};

// One pixel.
export const IMAGE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg" +
  "gg==";

export const QUESTION = "What is the weather in Oslo?";
export const SYSTEM = "Be brief.";
export const RESULT = "sunny";
export const MORE = "And tomorrow?";

const { z } = load("zod/v4");

/** What an answer of a given form holds. */
export const Forecast = z.object({ city: z.string(), days: z.int() });

/** What one call came to. */
class Account {
  parts = [];
  text = "";
  sent = 0;
  trail = "";

  constructor(detail) {
    this.detail = detail;
  }

  /** The SDK's way to the network, watched. */
  fetch = async (url, options) => {
    this.sent += options.method.toUpperCase() === "POST";
    const response = await fetch(url, options);
    this.trail = response.headers.get("x-backstop-trail") ?? "";
    return response;
  };

  say(text) {
    this.text += text ?? "";
  }

  add(name, value) {
    this.parts.push(`${name}:${value}`);
  }

  think(text, signed) {
    if (text || signed) this.add("thought", signed ? `${text.trim()} (signed)` : text.trim());
  }

  /** A tool call, whose arguments must be complete. */
  call(name, args) {
    this.add("call", name + spaced(JSON.parse(args)));
  }

  parsed(value) {
    const fields = Object.entries(value ?? {});
    const shown = ([key, it]) => `${key}=${typeof it === "string" ? `'${it}'` : it}`;
    this.add("parsed", value ? fields.map(shown).join(" ") : "None");
  }

  raised(error) {
    const body = error.error?.error ?? error.error;
    const message = body?.message ?? error.message;
    this.add("raised", `${error.constructor.name} ${error.status ?? "-"} ${message}`);
    if (this.detail) {
      for (const name of ["type", "code", "param"]) {
        if (error[name]) this.add(name, error[name]);
      }
      this.add("request-id", error.requestID ? "yes" : "no");
    }
    for (const name of ["retry-after", "x-should-retry"]) {
      if (error.headers?.get(name)) this.add(name, error.headers.get(name));
    }
  }

  line() {
    const said = this.text ? [`said:${this.text}`] : [];
    const trail = this.trail ? [`trail:${short(this.trail)}`] : [];
    return [...said, ...this.parts, ...trail, `sent:${this.sent}`].join(" | ");
  }
}

/** JSON as Python writes it. */
function spaced(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  const field = ([key, it]) => `${JSON.stringify(key)}: ${spaced(it)}`;
  return `{${Object.entries(value).map(field).join(", ")}}`;
}

/** As in plan.py. */
function short(trail) {
  const entries = [];
  for (const entry of trail.split(",")) {
    const at = entry.lastIndexOf("=");
    const outcome = entry.slice(at + 1);
    const one = `${entry.slice(0, at).split("/")[0]}=${outcome}`;
    if (outcome !== "stale" && entries.at(-1) !== one) entries.push(one);
  }
  return entries.join(",");
}

/** Many streams at once. */
export async function many(account, one) {
  const answers = await Promise.all(Array.from({ length: 32 }, one));
  account.say([...new Set(answers)].sort().join(" and "));
  account.add("answers", answers.length);
}

export async function play(call, errors) {
  let input = "";
  for await (const piece of process.stdin) input += piece;
  const plan = JSON.parse(input);
  for (const one of plan.calls) {
    const account = new Account(one.detail ?? false);
    try {
      await call(plan, one, account);
    } catch (error) {
      if (!(error instanceof errors)) throw error;
      account.raised(error);
    }
    console.log(JSON.stringify({ account: account.line(), sent: account.sent }));
  }
}
