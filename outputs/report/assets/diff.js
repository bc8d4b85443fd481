/* Two texts with the words marked that only one of them has. */
const TOKENS = /[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
const MOST_CELLS = 4e6;

/* Pieces of both texts: [text, whether the other one has it]. */
function compared(before, after) {
  const a = before.match(TOKENS) || [];
  const b = after.match(TOKENS) || [];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const keptA = new Uint8Array(a.length).fill(1, 0, head).fill(1, a.length - tail);
  const keptB = new Uint8Array(b.length).fill(1, 0, head).fill(1, b.length - tail);
  align(a.slice(head, a.length - tail), b.slice(head, b.length - tail), keptA, keptB, head);
  return [pieces(a, keptA), pieces(b, keptB)];
}

/* Marks the longest common subsequence; texts too long for its table stay unmarked in their middle. */
function align(a, b, keptA, keptB, offset) {
  if (a.length * b.length > MOST_CELLS) return;
  const wide = b.length + 1;
  const table = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * wide + j] =
        a[i] === b[j] ? table[(i + 1) * wide + j + 1] + 1 : Math.max(table[(i + 1) * wide + j], table[i * wide + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      keptA[offset + i++] = 1;
      keptB[offset + j++] = 1;
    } else if (table[(i + 1) * wide + j] >= table[i * wide + j + 1]) i++;
    else j++;
  }
}

function pieces(tokens, kept) {
  const parts = [];
  tokens.forEach((token, place) => {
    const last = parts[parts.length - 1];
    if (last && last[1] === Boolean(kept[place])) last[0] += token;
    else parts.push([token, Boolean(kept[place])]);
  });
  return parts;
}

/* The two texts side by side, as elements. */
function sideBySide(titleA, before, titleB, after) {
  const [left, right] = compared(before, after);
  const body = (parts, tag) => make("pre", { class: "text" }, ...parts.map(([text, same]) => (same ? text : make(tag, {}, text))));
  return make(
    "div",
    { class: "pair" },
    make("div", {}, make("h3", {}, titleA), body(left, "del")),
    make("div", {}, make("h3", {}, titleB), body(right, "ins")),
  );
}
