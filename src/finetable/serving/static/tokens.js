// Text with what lies behind it: the probability of each piece, and what might have stood there instead.

import { el, newId } from "./dom.js";

const STEPS = [0.9, 0.5, 0.2, 0.05];
const SENTENCE = /[^.!?\n]*[.!?\n]+["”’)]*\s*/g;

const card = el("div", { className: "card", role: "tooltip", id: "piece-card", hidden: true });

/** The pieces of a streamed event: [{text, probability, others, parts}]. */
export function piecesOf(choice) {
  const text = choice.text ?? choice.delta?.content ?? "";
  const tokens = choice.logprobs?.content?.map(ofChat) ?? ofCompletion(choice.logprobs);
  if (tokens.length && tokens.map((token) => token.text).join("") === text) return tokens;
  if (!text) return [];
  const known = tokens.length > 0 && tokens.every((token) => token.probability !== null);
  const probability = known ? tokens.reduce((all, token) => all * token.probability, 1) : null;
  return [{ text, probability, others: [], parts: tokens.length }];
}

function ofCompletion(logprobs) {
  return (logprobs?.tokens ?? []).map((text, place) => ({
    text,
    probability: chance(logprobs.token_logprobs?.[place]),
    others: Object.entries(logprobs.top_logprobs?.[place] ?? {}).map(([other, nats]) => [
      other,
      chance(nats),
    ]),
    parts: 1,
  }));
}

function ofChat(item) {
  const others = item.top_logprobs.map((other) => [other.token, chance(other.logprob)]);
  return { text: item.token, probability: chance(item.logprob), others, parts: 1 };
}

const chance = (nats) => (nats === null || nats === undefined ? null : Math.exp(nats));

/** Text that grows; one stop for the Tab key, in which the arrow keys go from piece to piece. */
export class PieceText {
  constructor(listen) {
    this.element = el("div", {
      className: "written",
      role: "group",
      "aria-label": "Written text; the arrow keys go through its pieces",
    });
    this.element.addEventListener("keydown", (event) => this.#move(event));
    this.element.addEventListener("focusin", (event) => this.#look(event.target));
    this.element.addEventListener("focusout", hideCard);
    this.element.addEventListener("pointerover", (event) => this.#look(event.target));
    this.element.addEventListener("pointerleave", hideCard);
    this.pieces = [];
    this.text = "";
    this.listen = listen;
    this.heard = 0;
  }

  add(piece) {
    const shade =
      piece.probability === null ? "" : ` p${STEPS.filter((step) => piece.probability < step).length}`;
    const made = el(
      "span",
      { className: `piece${shade}`, tabIndex: this.pieces.length ? -1 : 0 },
      piece.text,
    );
    this.pieces.push(piece);
    this.element.append(made);
    this.text += piece.text;
    for (const [sentence] of this.text.slice(this.heard).matchAll(SENTENCE)) {
      this.listen(sentence);
      this.heard += sentence.length;
    }
  }

  end() {
    if (this.heard < this.text.length) this.listen(this.text.slice(this.heard));
    this.heard = this.text.length;
  }

  #move(event) {
    const spans = [...this.element.children];
    const place = spans.indexOf(event.target);
    const places = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: spans.length - 1 };
    if (event.key === "Escape") hideCard();
    if (place < 0 || !(event.key in places)) return;
    event.preventDefault();
    const next = spans[Math.min(Math.max(places[event.key], 0), spans.length - 1)];
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  #look(span) {
    const piece = this.pieces[[...this.element.children].indexOf(span)];
    if (piece) showCard(span, piece);
  }
}

function showCard(span, piece) {
  if (piece.probability === null) return;
  const lines = piece.others.filter(([text]) => text !== piece.text).sort((a, b) => b[1] - a[1]);
  const head = piece.parts > 1 ? `${piece.parts} pieces together` : seen(piece.text);
  card.replaceChildren(
    el("p", { className: "card-head" }, el("strong", {}, head), el("span", {}, percent(piece.probability))),
    ...(lines.length ? [el("p", { className: "help" }, "instead of")] : []),
    el(
      "ul",
      {},
      ...lines.map(([text, value]) =>
        el("li", {}, el("span", {}, seen(text)), el("span", {}, percent(value))),
      ),
    ),
  );
  if (!card.isConnected) document.body.append(card);
  card.hidden = false;
  span.setAttribute("aria-describedby", card.id);
  const place = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const left = Math.min(place.left, document.documentElement.clientWidth - card.offsetWidth - 12);
  const below = place.bottom + 8 + card.offsetHeight < innerHeight;
  card.style.left = `${Math.max(12, left)}px`;
  card.style.top = `${below ? place.bottom + 8 : place.top - card.offsetHeight - 8}px`;
}

function hideCard() {
  card.hidden = true;
}

addEventListener("scroll", hideCard, { passive: true, capture: true });

/** A piece with its blanks made visible. */
function seen(text) {
  return text === "" ? "(end)" : text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}

/** A probability as people read it. */
export function percent(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(value < 0.995 && value >= 0.0005 ? 1 : 0)} %`;
}

/** What the shades mean. */
export function legend() {
  const names = ["90 % and more", "50 %", "20 %", "5 %", "under 5 %"];
  const swatches = names.map((name, step) =>
    el("li", {}, el("span", { className: `swatch p${step}` }), name),
  );
  return el(
    "ul",
    { className: "legend", id: newId("legend"), "aria-label": "How probable each piece was" },
    ...swatches,
  );
}
