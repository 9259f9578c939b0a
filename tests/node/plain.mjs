// A plain Node main process, with nothing between it and the pipes.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import { Host, run, streamedText } from './host.mjs';

const MANY = 3_000;
const MIB = 1024 * 1024;
const TEXTS = {
  emoji: '😀 👩‍👩‍👧‍👦 🏳️‍🌈 𝒳',
  separators: 'line\u2028paragraph\u2029next\u0085tab\tnewline\ncarriage\r\nnull\0end',
  scripts: 'café cafe\u0301 Grüße Ελληνικά русский العربية हिन्दी 日本語 한국어',
  quotes: String.raw`"\u0041" \\ \n </script> \ud83d`,
  edges: '\uFEFF\uFFFD\uFFFF\u{10FFFF}\u007F\u00A0',
};

await run({
  async 'first chat'() {
    const host = new Host();
    const { serverInfo, capabilities } = await host.initialize({ processId: process.pid });
    assert.deepEqual(serverInfo, { name: 'ckservice', version: serverInfo.version, pid: host.child.pid });
    assert.ok(capabilities.methods.includes('chat/complete'));
    const asked = host.chat('Is anybody there?');
    const { result } = await asked;
    assert.match(result.content, /Is anybody there\?/);
    assert.equal(streamedText(host.notifications(asked.id)), result.content);
    assert.equal(host.messages.at(-1).id, asked.id, 'the response comes after its notifications');
    await host.end();
    assert.equal(host.messages.at(-1).id, asked.id, 'and nothing comes after the response');
  },

  async 'shutdown and exit'() {
    const host = new Host();
    await host.initialize();
    assert.deepEqual(await host.call('shutdown'), {});
    assert.equal((await host.ask('chat/complete')).error.data.kind, 'shuttingDown');
    host.send({ method: 'exit' });
    assert.deepEqual(await host.ended, { code: 0, signal: null });
  },

  async cancel() {
    const host = new Host();
    await host.initialize({ settings: { offline: { tokenDelayMs: 100 } } });
    const first = host.next(({ method }) => method === 'stream/token', 'the first token');
    const asked = host.chat('word '.repeat(1_000));
    await first;
    host.send({ method: '$/cancelRequest', params: { id: asked.id } });
    const { error } = await asked;
    assert.equal(error.code, -32800);
    assert.equal(error.data.kind, 'cancelled');
    assert.equal(error.data.partial, streamedText(host.notifications(asked.id)));
    assert.deepEqual(await host.call('ping'), {});
    await host.end();
    assert.equal(host.responses(asked.id).length, 1);
  },

  async 'many at once'() {
    const host = new Host();
    const { limits } = await host.initialize();
    host.child.stdin.cork(); // everything in one write, and nothing is read before it
    const asked = Array.from({ length: MANY }, (_, index) =>
      index % 2 ? host.ask('ping') : host.chat(`Question ${index}`, { stream: index % 4 === 0 }),
    );
    host.child.stdin.uncork();
    const responses = await Promise.all(asked);
    const kinds = Map.groupBy?.(responses, kindOf) ?? groupBy(responses, kindOf);
    assert.deepEqual([...kinds.keys()].sort(), ['overloaded', 'result']);
    assert.ok(kinds.get('overloaded').every(({ error }) => error.data.retryAfterMs > 0));
    assert.ok(kinds.get('result').length >= MANY / 2 + limits.maxInFlight, 'all pings, and the first chats');
    for (const [index, { id, result }] of responses.entries()) {
      assert.equal(host.responses(id).length, 1);
      if (result?.content) assert.match(result.content, new RegExp(`Question ${index}$`));
    }
    const { received, answered } = await host.call('health/check');
    assert.equal(received, answered + 1, 'the question itself is the one in flight');
    await host.end();
  },

  async 'big messages'() {
    const host = new Host();
    const { limits } = await host.initialize();
    const text = 'x'.repeat(8 * MIB - 4_096);
    assert.ok(text.length > limits.maxMessageBytes * 0.99);
    const { result } = await host.chat(text, { stream: false });
    assert.equal(result.content.slice(-text.length), text);
    assert.ok(host.lines.at(-1).length <= limits.maxMessageBytes);
    const line = JSON.stringify({ jsonrpc: '2.0', id: 'longest', method: 'ping' });
    const longest = host.response('longest');
    host.write(`${line.padEnd(limits.maxLineBytes)}\n`);
    assert.deepEqual((await longest).result, {});
    const tooLong = host.response('too long');
    host.write(`${line.replace('longest', 'too long').padEnd(limits.maxLineBytes + 1)}\n`);
    assert.equal((await tooLong).error.data.kind, 'messageTooLarge');
    assert.deepEqual(await host.call('ping'), {}, 'the session goes on');
    await host.end();
  },

  async unicode() {
    const host = new Host();
    await host.initialize({ clientInfo: { name: TEXTS.scripts, version: TEXTS.emoji } });
    for (const [name, text] of Object.entries(TEXTS)) {
      const asked = host.chat(text);
      const { result } = await asked;
      assert.equal(result.content.slice(-text.length), text, name);
      assert.equal(streamedText(host.notifications(asked.id)), result.content, name);
      const id = `id of ${text}`;
      assert.deepEqual((await host.ask('ping', {}, id)).id, id, name);
    }
    assert.ok(host.lines.every((line) => /^[\x20-\x7f]*$/.test(line)), 'the wire is ASCII');
    await host.end();
  },

  async 'cut anywhere'() {
    const host = new Host();
    await host.initialize();
    const messages = [{ role: 'user', content: TEXTS.emoji + TEXTS.separators }];
    const whole = host.response('cut');
    const request = { jsonrpc: '2.0', id: 'cut', method: 'chat/complete', params: { messages, stream: false } };
    for (const byte of Buffer.from(`${JSON.stringify(request)}\r\n`)) {
      host.write(Buffer.of(byte));
      await turn();
    }
    assert.ok((await whole).result.content.endsWith(messages[0].content));
    await host.end();
  },
});

function kindOf({ error }) {
  return error ? error.data.kind : 'result';
}

/** Node 20 has no Map.groupBy. */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
