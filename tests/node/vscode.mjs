// vscode-jsonrpc, the peer behind every language client, over lines instead of LSP's headers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import rpc from 'vscode-jsonrpc/node';

import { command, run, within } from './host.mjs';

const REQUEST_CANCELLED = -32800; // LSP 3.17, LSPErrorCodes.RequestCancelled

class LineReader extends rpc.AbstractMessageReader {
  constructor(stream) {
    super();
    this.lines = createInterface({ input: stream });
    this.lines.on('close', () => this.fireClose());
    stream.on('error', (error) => this.fireError(error));
  }

  listen(callback) {
    this.lines.on('line', (line) => callback(JSON.parse(line)));
    return { dispose: () => this.lines.close() };
  }
}

class LineWriter extends rpc.AbstractMessageWriter {
  constructor(stream) {
    super();
    this.stream = stream;
    stream.on('error', (error) => this.fireError(error));
    stream.on('close', () => this.fireClose());
  }

  write(message) {
    return new Promise((resolve, reject) => {
      this.stream.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  end() {
    this.stream.end();
  }
}

function open() {
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  const connection = rpc.createMessageConnection(new LineReader(child.stdout), new LineWriter(child.stdin));
  const tokens = [];
  const errors = [];
  connection.onNotification('stream/token', (params) => tokens.push(params));
  connection.onError(([error]) => errors.push(error));
  connection.onUnhandledNotification(({ method }) => assert.match(method, /^stream\//));
  connection.listen();
  const call = (method, ...rest) => within(connection.sendRequest(method, ...rest), `the response to ${method}`);
  const end = async () => {
    connection.end();
    assert.deepEqual(await within(ended, 'the end of the process'), { code: 0, signal: null });
    assert.deepEqual(errors, []);
  };
  return { connection, call, tokens, end };
}

function initialize(call, settings = {}) {
  return call('initialize', { protocolVersion: 1, clientInfo: { name: 'vscode', version: '1' }, settings });
}

function question(content) {
  return { messages: [{ role: 'user', content }], config: { provider: 'offline' } };
}

/** The error that a promise is rejected with. */
function failure(promise) {
  return promise.then(
    (value) => assert.fail(`it was answered with ${JSON.stringify(value)}`),
    (error) => error,
  );
}

await run({
  async 'requests and notifications'() {
    const { connection, call, tokens, end } = open();
    const { serverInfo } = await initialize(call);
    assert.equal(serverInfo.name, 'ckservice');
    assert.deepEqual(await call('ping'), {}, 'no params');
    const { content } = await call('chat/complete', question('Is anybody there? 😀'));
    assert.equal(tokens.map(({ token }) => token).join(''), content);
    assert.equal(new Set(tokens.map(({ requestId }) => requestId)).size, 1);
    await connection.sendNotification('unknown/notification', { any: 'thing' });
    assert.deepEqual(await call('ping', {}), {});
    await end();
  },

  async cancel() {
    const { connection, call, tokens, end } = open();
    await initialize(call, { offline: { tokenDelayMs: 100 } });
    const source = new rpc.CancellationTokenSource();
    connection.onNotification('stream/token', (params) => {
      tokens.push(params);
      source.cancel();
    });
    const error = await failure(call('chat/complete', question('word '.repeat(1_000)), source.token));
    assert.ok(error instanceof rpc.ResponseError);
    assert.equal(error.code, REQUEST_CANCELLED);
    assert.equal(error.data.kind, 'cancelled');
    assert.equal(error.data.partial, tokens.map(({ token }) => token).join(''));
    await end();
  },

  async 'error data'() {
    const { call, end } = open();
    const invalid = await failure(call('chat/complete', { messages: [], colour: 'red' }));
    assert.equal(invalid.code, rpc.ErrorCodes.InvalidParams);
    assert.equal(invalid.data.kind, 'invalidParams');
    assert.equal(invalid.data.retryable, false);
    assert.deepEqual(invalid.data.errors.map(({ path }) => path).sort(), ['colour', 'messages']);
    const unknown = await failure(call('no/such', {}));
    assert.equal(unknown.code, rpc.ErrorCodes.MethodNotFound);
    const byPosition = await failure(call('ping', rpc.ParameterStructures.byPosition, 1, 2));
    assert.equal(byPosition.code, rpc.ErrorCodes.InvalidParams);
    await call('settings/update', { offline: { fault: 'rateLimited' } });
    const limited = await failure(call('chat/complete', question('Hello')));
    assert.equal(limited.code, -32012);
    assert.equal(limited.data.kind, 'rateLimited');
    assert.equal(limited.data.provider, 'offline');
    assert.ok(limited.data.retryable && limited.data.retryAfterMs > 0 && limited.data.userMessage);
    await end();
  },

  async concurrent() {
    const { call, tokens, end } = open();
    await initialize(call, { offline: { tokenDelayMs: 5 } });
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    const answers = await Promise.all(numbers.map((number) => call('chat/complete', question(`Question ${number}`))));
    assert.ok(answers.every(({ content }, number) => content.endsWith(` Question ${number}`)));
    const streamed = new Map();
    for (const { requestId, token } of tokens) streamed.set(requestId, (streamed.get(requestId) ?? '') + token);
    assert.deepEqual([...streamed.values()].sort(), answers.map(({ content }) => content).sort());
    assert.notEqual(tokens[0].requestId, tokens[1].requestId, 'they run side by side');
    await end();
  },

  async dispose() {
    const { connection, call, end } = open();
    await initialize(call, { offline: { firstTokenDelayMs: 60_000 } });
    const rejected = failure(call('chat/complete', question('Hello')));
    await connection.sendRequest('ping');
    const stopped = call('shutdown', { graceMs: 0 });
    const error = await rejected;
    assert.equal(error.data.kind, 'shuttingDown');
    await stopped;
    const disposed = new Promise((resolve) => connection.onDispose(resolve));
    await end();
    connection.dispose();
    await within(disposed, 'onDispose');
    assert.throws(() => connection.sendNotification('exit'), { code: rpc.ConnectionErrors.Disposed });
  },
});
