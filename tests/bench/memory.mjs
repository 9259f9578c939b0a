// Growth of the server's resident memory (peak minus the size before, in MB of 10^6 bytes) under a hostile and a slow host.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { completeTokens } from "./measures.mjs";
import { residentBytes, resetPeak, settle } from "./process.mjs";
import { Session, words } from "./session.mjs";

const CHUNK = Buffer.alloc(1024 * 1024, "x");
const LINE_CHUNKS = 512;
const STALL_MS = 5_000;

/** A line of 512 MiB: growth while it has no end; then its end, which must be answered, and a ping. */
export async function longLine({ server }) {
  const session = await warmSession(server);
  const { child, transport } = session;
  const before = beginPeak(session.pid);
  const refused = new Promise((resolve) => (transport.onUnmatched = resolve));
  for (let index = 0; index < LINE_CHUNKS; index += 1) {
    if (!child.stdin.write(CHUNK)) await Promise.race([once(child.stdin, "drain"), session.death()]);
  }
  await settle(session.pid);
  const growthMb = (residentBytes(session.pid).peak - before) / 1e6;
  child.stdin.write("\n");
  const { error } = await Promise.race([refused, session.death()]);
  if (error?.data?.kind !== "messageTooLarge") throw new Error(`answered ${JSON.stringify(error)}`);
  await session.call(server.ping);
  await session.close();
  return { growthMb };
}

/** `count` tokens to a host that does not read for 5 s from its request on; afterwards everything must arrive. */
export async function slowHost({ server, count }) {
  const session = await warmSession(server);
  const text = words(count);
  const before = beginPeak(session.pid);
  session.child.stdout.pause();
  const streamed = session.stream(server.streamRequest, text);
  await Promise.race([sleep(STALL_MS), session.death()]);
  const stalledMb = (residentBytes(session.pid).peak - before) / 1e6;
  session.child.stdout.resume();
  completeTokens(await streamed, count);
  const growthMb = (residentBytes(session.pid).peak - before) / 1e6;
  await session.close();
  return { growthMb, stalledMb };
}

/** A session that has streamed once and is idle, so that imports do not count as growth. */
async function warmSession(server) {
  const session = await Session.open(server);
  await session.stream(server.streamRequest, words(100));
  await settle(session.pid);
  return session;
}

function beginPeak(pid) {
  resetPeak(pid);
  return residentBytes(pid).current;
}
