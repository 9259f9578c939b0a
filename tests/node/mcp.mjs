// The transport of the MCP TypeScript SDK: lines of JSON-RPC that it checks, with a strict idea of how a child ends.
import assert from 'node:assert/strict';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

import { command, run, within } from './host.mjs';

function question(content) {
  return { messages: [{ role: 'user', content }], config: { provider: 'offline' } };
}

async function open() {
  const messages = [];
  const errors = [];
  const answers = new Map();
  // The SDK passes only a few variables on by itself; an app names the others, as it would here.
  const transport = new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env });
  transport.onerror = (error) => errors.push(error);
  transport.onmessage = (message) => {
    messages.push(message);
    answers.get(message.id)?.(message);
  };
  const closed = new Promise((resolve) => (transport.onclose = resolve));
  await within(transport.start(), 'the start');
  const exited = new Promise((resolve) => {
    transport._process.once('exit', (code, signal) => resolve({ code, signal })); // the SDK keeps it to itself
  });
  const ask = async (id, method, params) => {
    const answer = new Promise((resolve) => answers.set(id, resolve));
    await transport.send({ jsonrpc: '2.0', id, method, params });
    return within(answer, `the response to ${id}`);
  };
  return { transport, messages, errors, ask, closed, exited };
}

await run({
  async session() {
    const { transport, messages, errors, ask, closed, exited } = await open();
    const { pid } = transport;
    const pong = await ask(1, 'ping');
    assert.deepEqual(pong, { jsonrpc: '2.0', id: 1, result: {} });
    const { result } = await ask('chat', 'chat/complete', question('Is anybody there? 😀'));
    assert.match(result.content, /Is anybody there\? 😀/);
    const tokens = messages.filter(({ method }) => method === 'stream/token').map(({ params }) => params);
    assert.ok(tokens.every(({ requestId }) => requestId === 'chat'));
    assert.equal(tokens.map(({ token }) => token).join(''), result.content);
    const { error } = await ask(2, 'no/such', {});
    assert.equal(error.code, -32601);
    assert.equal(error.data.kind, 'methodNotFound');
    await transport.close();
    assert.deepEqual(await within(exited, 'the exit'), { code: 0, signal: null }, 'no signal was needed');
    await within(closed, 'onclose');
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    assert.deepEqual(errors, []);
  },

  async cancel() {
    const { transport, messages, errors, ask, exited } = await open();
    await ask(1, 'settings/update', { offline: { tokenDelayMs: 100 } });
    const answer = ask(2, 'chat/complete', question('word '.repeat(1_000)));
    await transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    const { error } = await answer;
    assert.equal(error.code, -32800);
    assert.equal(messages.at(-1).id, 2);
    await transport.close();
    assert.deepEqual(await within(exited, 'the exit'), { code: 0, signal: null });
    assert.deepEqual(errors, []);
  },
});
