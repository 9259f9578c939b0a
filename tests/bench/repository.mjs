// What is measured of one process that reads context repositories.
import { appendFileSync } from "node:fs";

import { percentile } from "./measures.mjs";
import { settle } from "./process.mjs";
import { Session } from "./session.mjs";

/**
 * Validation of a repository: from the spawn, and asked a fresh process that idles; then after each change of one file,
 * and with no change. A server that takes seconds is asked fewer times.
 */
export async function validation({ server, rounds }) {
  const fresh = await Session.open(server);
  await fresh.call(server.validateRequest);
  const spawnMs = performance.now() - fresh.startedAt;
  await fresh.close();

  const session = await Session.open(server);
  await settle(session.pid);
  const coldMs = await timed(session, server.validateRequest);
  const count = coldMs > 1_000 ? 1 : rounds;
  const changed = [];
  const unchanged = [];
  for (let round = 0; round < count; round++) {
    appendFileSync(server.changedFile, "# looked at again\n");
    changed.push(await timed(session, server.validateRequest));
    unchanged.push(await timed(session, server.validateRequest));
  }
  await session.close();
  return { coldMs, spawnMs, changedMs: percentile(changed, 0.5), unchangedMs: percentile(unchanged, 0.5) };
}

/** The graph of a repository that has been read before. */
export async function graph({ server, rounds }) {
  const session = await Session.open(server);
  await settle(session.pid);
  const coldMs = await timed(session, server.graphRequest);
  const samples = [];
  for (let round = 0; round < rounds; round++) samples.push(await timed(session, server.graphRequest));
  await session.close();
  return { warmMs: percentile(samples, 0.5), coldMs };
}

async function timed(session, request) {
  const before = performance.now();
  await session.call(request);
  return performance.now() - before;
}
