// One server, started and greeted: what every measurement begins with.
import { setTimeout as sleep } from "node:timers/promises";

import { start, stop } from "./process.mjs";
import { freePort, HeaderTransport, HttpTransport, LineTransport, ThreadTransport } from "./transports.mjs";

const PIPES = { lines: LineTransport, headers: HeaderTransport, threads: ThreadTransport };
const POLL_MS = 2; // between two attempts to reach an HTTP server that is starting

export class Session {
  /** Spawns `server` and returns when it has answered for the first time. `startedAt` is the time before the spawn, in ms. */
  static async open(server) {
    const session = new Session();
    session.server = server;
    if (server.transport === "http") await session.openHttp();
    else await session.openPipes();
    return session;
  }

  async openPipes() {
    this.startedAt = performance.now();
    this.child = start(this.server.command, this.server.environment);
    this.transport = new PIPES[this.server.transport](this.child);
    await this.call(this.server.initialize);
    if (this.server.initialized) this.transport.notify(this.server.initialized);
  }

  async openHttp() {
    const port = await freePort();
    this.startedAt = performance.now();
    this.child = start([...this.server.command, String(port)], this.server.environment);
    this.transport = new HttpTransport(port);
    const attempt = () => new Promise((resolve) => this.transport.call(this.server.initialize, resolve));
    while ((await Promise.race([attempt(), this.death()])).status !== 200) await sleep(POLL_MS);
  }

  get pid() {
    return this.child.pid;
  }

  /** The response to one request; an error response, or the death of the server, is thrown. */
  async call(request) {
    const answer = new Promise((resolve) => this.transport.call(request, resolve));
    const response = await Promise.race([answer, this.death()]);
    if (response.error) throw new Error(`${request.method}: ${JSON.stringify(response.error)}`);
    return response;
  }

  /** Streams `text` back, or an answer to it; the result and `listeners` are those of PipeTransport.stream. */
  async stream(template, text, listeners) {
    const request = fill(template, "$TEXT", text);
    return Promise.race([this.transport.stream(request, this.server.tokenMethod, listeners), this.death()]);
  }

  async death() {
    const code = await this.child.ended;
    throw new Error(`the server ended with ${code}; stderr: ${this.child.stderrTail}`);
  }

  async close() {
    await stop(this.child, this.server.transport === "http" ? "SIGTERM" : null);
  }
}

/** `template` with `value` for each `name` in its texts. */
export function fill(template, name, value) {
  if (typeof template === "string") return template.replaceAll(name, () => value);
  if (Array.isArray(template)) return template.map((item) => fill(item, name, value));
  if (template === null || typeof template !== "object") return template;
  return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, fill(item, name, value)]));
}

/** A text of `count` words, on average 5 bytes with the space: what a token of English has. */
export function words(count) {
  return Array.from({ length: count }, (_, index) => `w${index % 1_000}`).join(" ");
}
