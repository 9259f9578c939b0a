// A host that is about to be killed: it starts the service, says on stdout which processes there are, and waits.
import { spawn } from 'node:child_process';

import { Host, run } from './host.mjs';

/** Holds the host's end of the service's stdin open, so that its end never comes. */
function holdOpen(stream) {
  const forever = ['-e', 'setInterval(() => {}, 60_000)'];
  return spawn(process.execPath, forever, { stdio: ['ignore', 'ignore', 'ignore', stream], detached: true });
}

/** `holder`, where there is one, is a process that whoever kills the host has to end. */
function tell(host, holder) {
  process.stdout.write(`${JSON.stringify({ service: host.child.pid, holder: holder?.pid ?? null })}\n`);
}

function busy(host) {
  const first = host.next(({ method }) => method === 'stream/token', 'the first token');
  host.chat('word '.repeat(10_000));
  return first;
}

await run({
  async starting() {
    tell(new Host());
  },

  async idle() {
    const host = new Host();
    await host.initialize();
    tell(host);
  },

  async busy() {
    const host = new Host();
    await host.initialize({ settings: { offline: { tokenDelayMs: 100 } } });
    await busy(host);
    tell(host);
  },

  async 'stdin held open'() {
    const host = new Host();
    await host.call('ping');
    tell(host, holdOpen(host.child.stdin));
  },

  async 'busy, stdin held open'() {
    const host = new Host();
    await host.initialize({ processId: process.pid, settings: { offline: { tokenDelayMs: 100 } } });
    await busy(host);
    tell(host, holdOpen(host.child.stdin));
  },
});
