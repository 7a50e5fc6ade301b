// From the fields of the page to a request, and back from its stream to pieces of text.

import { post, stream } from "./api.js";
import { piecesOf } from "./tokens.js";

const ALTERNATIVES = 3;
const MOST_TOKENS = 200;

/** The text a model is asked with: one given column is its value alone, several are lines "name: value". */
export function promptOf(about, values) {
  if (!about.given.length) return values[""] ?? "";
  if (about.given.length === 1) return values[about.given[0]] ?? "";
  return about.given.map((name) => `${name}: ${values[name] ?? ""}`).join("\n");
}

/** What a model writes: yields pieces, then what ended it. */
export async function* written(model, about, prompt, settings, signal) {
  const chat = about.form === "chat";
  const common = {
    model,
    temperature: settings.temperature,
    top_p: settings.topP,
    seed: settings.seed,
    max_tokens: settings.maxTokens ?? about.most_tokens ?? MOST_TOKENS,
    ...(settings.topK > 0 && { top_k: settings.topK }),
  };
  const body = chat
    ? { ...common, messages: [{ role: "user", content: prompt }], logprobs: true, top_logprobs: ALTERNATIVES }
    : { ...common, prompt, logprobs: ALTERNATIVES };
  let reason = null;
  for await (const event of stream(chat ? "/v1/chat/completions" : "/v1/completions", body, signal)) {
    for (const choice of event.choices) {
      for (const piece of piecesOf(choice)) yield { piece };
      reason = choice.finish_reason ?? reason;
    }
  }
  yield { reason };
}

/** The labels of a text with their probabilities, the most probable first. */
export async function labelled(model, input, signal) {
  const { data } = await post("/v1/finetable/classify", { model, input: [input] }, signal);
  const all = Object.entries(data[0].probabilities).sort((a, b) => b[1] - a[1]);
  return { label: data[0].label, all };
}
