// A host for tests: it starts ckservice as an Electron main process does, and every wait it makes is bounded.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const WAIT_MS = 20_000; // long enough for a loaded machine; nothing waits this long unless something is wrong

/** `node script.mjs SCENARIO COMMAND…`: how to start the service under test. */
export const [scenario, ...command] = process.argv.slice(2);

/** Runs the scenario that was asked for; the exit code tells how it went. */
export async function run(scenarios) {
  assert.ok(scenario in scenarios, `the scenarios are ${Object.keys(scenarios)}`);
  await scenarios[scenario]();
}

/** What `promise` comes to, or an error that says what did not come. */
export async function within(promise, what, milliseconds = WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A running service; `lines` and `messages` are everything it has written so far. */
export class Host {
  lines = [];
  messages = [];
  #answers = new Map();
  #lastId = 0;
  #changed = [];

  constructor() {
    this.child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => resolve({ code, signal }));
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(line));
  }

  #take(line) {
    const message = JSON.parse(line);
    this.lines.push(line);
    this.messages.push(message);
    this.#answers.get(message.id)?.(message);
    this.#answers.delete(message.id);
    this.#changed = this.#changed.filter((isThere) => !isThere(message));
  }

  write(text) {
    this.child.stdin.write(text);
  }

  send(message) {
    this.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** The response to request `id`. */
  response(id) {
    return within(new Promise((resolve) => this.#answers.set(id, resolve)), `the response to ${id}`);
  }

  /** Asks; the response will come. The id is in `request.id`. */
  ask(method, params = {}, id = ++this.#lastId) {
    const response = this.response(id);
    this.send({ id, method, params });
    return Object.assign(response, { id });
  }

  /** Asks and waits for the result. */
  async call(method, params) {
    const { result, error } = await this.ask(method, params);
    assert.equal(error, undefined);
    return result;
  }

  /** Streams an answer of the offline provider to `content`. */
  chat(content, more = {}) {
    const messages = [{ role: 'user', content }];
    return this.ask('chat/complete', { messages, config: { provider: 'offline' }, ...more });
  }

  initialize(more = {}) {
    return this.call('initialize', { protocolVersion: 1, clientInfo: { name: 'tests', version: '1' }, ...more });
  }

  /** The first message from now on for which `predicate` is true. */
  next(predicate, what) {
    const found = new Promise((resolve) => {
      this.#changed.push((message) => predicate(message) && (resolve(message), true));
    });
    return within(found, what);
  }

  /** The params of the notifications of request `id` that have come so far. */
  notifications(id) {
    return this.messages.filter(({ params }) => params?.requestId === id);
  }

  responses(id) {
    return this.messages.filter((message) => !message.method && message.id === id);
  }

  /** Closes stdin and waits until the process has ended, as it should. */
  async end() {
    this.child.stdin.end();
    assert.deepEqual(await within(this.ended, 'the end of the process'), { code: 0, signal: null });
  }
}

/** The text in the `stream/token` notifications; they are numbered without a gap. */
export function streamedText(notifications) {
  assert.deepEqual(notifications.map(({ params }) => params.seq), notifications.map((_, index) => index));
  return notifications.filter(({ method }) => method === 'stream/token').map(({ params }) => params.token).join('');
}
