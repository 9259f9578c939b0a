// An app around the snippet of the README, which finds `ckservice` on the PATH.
import assert from 'node:assert/strict';

import { run, within } from './host.mjs';
import { call } from './embed.mjs';

const ENDED = /ckservice has ended|EPIPE|write after end|stream was destroyed/;
const HELLO = { protocolVersion: 1, clientInfo: { name: 'app', version: '1' } };
const ask = (content, onToken, more = {}) =>
  within(call('chat/complete', { messages: [{ role: 'user', content }], ...more }, onToken), 'the answer');

await run({
  async answers() {
    const contents = ['Is anybody there?', '😀 and \u2028'];
    await Promise.all(
      contents.map(async (content) => {
        const tokens = [];
        const answer = await ask(content, (token) => tokens.push(token));
        assert.ok(answer.content.endsWith(content));
        assert.ok(tokens.length > 1);
        assert.equal(tokens.join(''), answer.content);
      }),
    );
    assert.match((await ask('Without a callback')).content, /Without a callback/);
    assert.deepEqual(await call('ping'), {});
    const many = await Promise.all(Array.from({ length: 1_000 }, () => call('ping')));
    assert.equal(many.length, 1_000);
  },

  async errors() {
    const error = await ask('', undefined, { temperature: 3 }).catch((reason) => reason);
    assert.ok(error instanceof Error);
    assert.equal(error.code, -32602);
    assert.equal(error.data.kind, 'invalidParams');
    assert.match(error.message, /./);
    assert.deepEqual(await call('ping'), {});
  },

  async 'the service ends'() {
    await call('settings/update', { offline: { firstTokenDelayMs: 60_000 } });
    const { serverInfo } = await call('initialize', HELLO);
    const asked = ask('Hello');
    process.kill(serverInfo.pid, 'SIGKILL');
    await assert.rejects(asked, ENDED);
    await assert.rejects(ask('Anybody?'), ENDED, 'a call that comes later fails too');
  },

  async 'no service'() {
    await assert.rejects(ask('Hello'), ENDED);
    await assert.rejects(ask('Anybody?'), ENDED);
  },
});
process.exit(); // the service keeps the process alive, as it should
