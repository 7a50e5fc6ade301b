// The first rows of a table, for looking at; the server reads the file by itself.

const PREFIX = 128 * 1024;
const SEPARATORS = [",", ";", "\t", "|"];
const ROWS = 200;

/** What a file begins with: {names, rows}; null for a kind that only the server can read. */
export async function preview(file) {
  const bare = file.name.toLowerCase().replace(/\.gz$/, "");
  const kind = bare.slice(bare.lastIndexOf("."));
  if (![".csv", ".tsv", ".jsonl"].includes(kind)) return null;
  const { bytes, whole } = await beginning(file, file.name.toLowerCase().endsWith(".gz"));
  const text = decoded(bytes);
  if (kind === ".jsonl") return ofLines(text, whole);
  const separator = kind === ".tsv" ? "\t" : likelySeparator(text);
  const parsed = parse(text, separator, whole).filter((row) => row.some((cell) => cell !== ""));
  const [names = [], ...rows] = parsed.slice(0, ROWS + 1);
  return { names, rows };
}

/** Cells of delimited text; quotes may hold separators, newlines and doubled quotes. */
export function parse(text, separator, whole = true) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  let place = 0;
  const endCell = () => {
    row.push(cell);
    cell = "";
  };
  const endRow = () => {
    endCell();
    rows.push(row);
    row = [];
  };
  for (; place < text.length; place += 1) {
    const sign = text[place];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[place + 1] === '"') {
        cell += sign;
        place += 1;
      } else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === separator) endCell();
    else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[place + 1] === "\n") place += 1;
      endRow();
    } else cell += sign;
  }
  // The last row of a beginning may be cut in its middle.
  if (whole && (cell !== "" || row.length)) endRow();
  return rows;
}

/** The separator under which most rows have the same number of cells, more than one. */
export function likelySeparator(text) {
  const sample = text.slice(0, 16 * 1024);
  const scored = SEPARATORS.map((separator) => {
    const widths = parse(sample, separator, sample.length === text.length).map((row) => row.length);
    const alike = widths.filter((width) => width === widths[0]).length / Math.max(1, widths.length);
    return { separator, score: widths[0] > 1 ? alike + Math.min(widths[0], 50) / 1000 : 0 };
  });
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).separator;
}

function ofLines(text, whole) {
  const lines = text.split("\n");
  if (!whole) lines.pop();
  const found = [];
  for (const line of lines.filter((one) => one.trim()).slice(0, ROWS)) {
    try {
      found.push(JSON.parse(line));
    } catch {
      return { names: [], rows: [] };
    }
  }
  const names = [...new Set(found.flatMap((item) => Object.keys(item ?? {})))];
  const cell = (value) =>
    typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  return {
    names,
    rows: found.map((item) => names.map((name) => cell(item[name]))),
    isExamples: isExamples(names),
  };
}

const isExamples = (names) =>
  names.includes("messages") || (names.includes("prompt") && names.includes("completion"));

async function beginning(file, zipped) {
  if (!zipped) {
    const bytes = new Uint8Array(await file.slice(0, PREFIX).arrayBuffer());
    return { bytes, whole: file.size <= PREFIX };
  }
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts = [];
  let size = 0;
  let ended = false;
  while (!ended && size < PREFIX) {
    const { value, done } = await reader.read();
    ended = done;
    if (value) {
      parts.push(value);
      size += value.length;
    }
  }
  if (!ended) await reader.cancel();
  return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), whole: ended };
}

function decoded(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
