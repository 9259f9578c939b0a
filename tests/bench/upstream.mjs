// The provider that the gateways ask, on loopback in a thread of its own. What it answers is in the question:
//   "bench fast COUNT BATCH"    COUNT tokens (see TOKEN_CHARS) as fast as they are taken, BATCH of them in each HTTP chunk
//   "bench paced COUNT MS"      COUNT tokens, one every MS milliseconds; each is the time at which it is sent, and a space
//   "bench receipt"             one token: the time at which the question was there
//   "bench open"                a token, and then nothing until the other side closes the connection
// Times are those of `now()`. The thread posts its port, and the time at which it sees an unfinished answer's connection end.
import { once } from "node:events";
import http from "node:http";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

import { dialects } from "./dialects.mjs";

export const TOKEN_CHARS = 5;
const SPREAD = 0.618; // of the interval, between the starts of paced answers: their tokens don't come all at once
const BLOCKS = 16; // different ones, so that no two neighbours are alike

/** Nanoseconds of the monotonic clock that all threads and processes of a machine share. */
export const now = () => process.hrtime.bigint();

/** The provider, started: its URL, and `closed()`, the time of the next unfinished answer's end. */
export async function openUpstream() {
  const worker = new Worker(new URL(import.meta.url));
  const [port] = await once(worker, "message");
  worker.unref();
  return { url: `http://127.0.0.1:${port}`, closed: async () => (await once(worker, "message"))[0] };
}

const sayings = {
  async fast(response, { piece }, count, batch) {
    const blocks = prepared(piece, batch);
    for (let sent = 0; sent < count && !response.destroyed; sent += batch) {
      const block = sent + batch <= count ? blocks[(sent / batch) % BLOCKS] : words(piece, 0, count - sent);
      if (!response.write(block)) await once(response, "drain");
    }
  },

  async paced(response, { piece }, count, milliseconds) {
    started += 1;
    await new Promise((resolve) => setTimeout(resolve, (started * SPREAD * milliseconds) % milliseconds));
    await new Promise((resolve) => {
      let sent = 0;
      const timer = setInterval(() => {
        response.write(piece(`${now()} `));
        sent += 1;
        if (sent < count && !response.destroyed) return;
        clearInterval(timer);
        resolve();
      }, milliseconds);
    });
  },

  async receipt(response, { piece }) {
    response.write(piece(String(response.receivedAt)));
  },

  async open(response, { piece }) {
    response.write(piece("open "));
    await once(response, "close");
    parentPort.postMessage(now());
  },
};

let started = 0;
const ready = new Map(); // dialect's piece → batch → blocks

function prepared(piece, batch) {
  if (!ready.has(piece)) ready.set(piece, new Map());
  const blocks = ready.get(piece);
  if (!blocks.has(batch)) blocks.set(batch, Array.from({ length: BLOCKS }, (_, index) => words(piece, index, batch)));
  return blocks.get(batch);
}

function words(piece, seed, count) {
  const word = (index) => ` ${String((seed * 31 + index * 7) % 10 ** (TOKEN_CHARS - 1)).padStart(TOKEN_CHARS - 1, "w")}`;
  return Buffer.from(Array.from({ length: count }, (_, index) => piece(word(index))).join(""));
}

async function answer(request, response) {
  const dialect = dialects[new URL(request.url, "http://upstream").pathname];
  let body = "";
  for await (const text of request.setEncoding("utf8")) body += text;
  response.receivedAt = now();
  const [, manner, numbers] = [...body.matchAll(/bench (fast|paced|receipt|open)((?: \d+)*)/g)].at(-1) ?? [];
  if (!dialect || !manner) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": dialect.type });
  response.write(dialect.begin());
  const [count = 1, ...others] = numbers.trim().split(" ").map(Number);
  await sayings[manner](response, dialect, count || 1, ...others);
  return response.end(dialect.end(count || 1));
}

if (!isMainThread) {
  const server = http.createServer(answer);
  server.keepAliveTimeout = 0; // a connection that waits for its next question is not closed
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
}
