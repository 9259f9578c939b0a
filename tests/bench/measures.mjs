// What is measured of one process. Each function returns one run as plain numbers; the units are in the names.
import { setTimeout as sleep } from "node:timers/promises";

import { cpuMicros, residentBytes, settle } from "./process.mjs";
import { Session, words } from "./session.mjs";

const MEBIBYTE = 1024 * 1024;
const WARM_UP_MS = 300; // Node compiles its hot paths, the server its caches
const MAX_SAMPLES = 20_000;
export const REQUEST_CANCELLED = -32800; // of the Language Server Protocol

/**
 * Spawn → first answer: wall time, CPU time and resident memory of the child at that moment.
 * Then the time, also from the spawn, to the answer of a ping sent after it, and the memory once the server idles:
 * what a server puts off until after its first answer shows there.
 */
export async function startup({ server }) {
  const session = await Session.open(server);
  const wallMs = performance.now() - session.startedAt;
  const cpuMs = cpuMicros(session.pid) / 1_000;
  const rssMib = residentBytes(session.pid).current / MEBIBYTE;
  await session.call(server.ping);
  const readyMs = performance.now() - session.startedAt;
  await settle(session.pid);
  const idleRssMib = residentBytes(session.pid).current / MEBIBYTE;
  await session.close();
  return { wallMs, cpuMs, rssMib, readyMs, idleRssMib };
}

/** Sequential round trips for `durationMs`: the next request is sent when the answer has been parsed. */
export async function ping({ server, durationMs }) {
  const session = await Session.open(server);
  await settle(session.pid);
  await roundTrips(session, WARM_UP_MS);
  const cpuBefore = cpuMicros(session.pid);
  const samples = await roundTrips(session, durationMs);
  const cpuPerPingUs = (cpuMicros(session.pid) - cpuBefore) / samples.length;
  await session.close();
  return { p50Us: percentile(samples, 0.5) * 1_000, p99Us: percentile(samples, 0.99) * 1_000, cpuPerPingUs };
}

/** `inFlight` requests at all times for `durationMs`; the successors of answers read together are written together. */
export async function pipelined({ server, durationMs, inFlight }) {
  const session = await Session.open(server);
  await settle(session.pid);
  await keepInFlight(session, WARM_UP_MS, inFlight);
  const cpuBefore = cpuMicros(session.pid);
  const { answered, elapsedMs } = await keepInFlight(session, durationMs, inFlight);
  const cpuPerRequestUs = (cpuMicros(session.pid) - cpuBefore) / answered;
  await session.close();
  return { requestsPerS: (answered / elapsedMs) * 1_000, cpuPerRequestUs };
}

/** One stream of `count` words as fast as it comes: tokens and notifications per second, server CPU per token. */
export async function tokens({ server, count }) {
  const session = await Session.open(server);
  await session.stream(server.streamRequest, words(100)); // imports and caches
  await settle(session.pid);
  const text = words(count);
  const cpuBefore = cpuMicros(session.pid);
  const begun = performance.now();
  const seen = await session.stream(server.streamRequest, text);
  const seconds = (performance.now() - begun) / 1_000;
  const cpuUs = cpuMicros(session.pid) - cpuBefore;
  const received = completeTokens(seen, count);
  await session.close();
  return {
    tokensPerS: received / seconds,
    notificationsPerS: seen.notifications / seconds,
    tokensPerNotification: received / seen.notifications,
    cpuPerTokenUs: cpuUs / received,
  };
}

/** Cancel of a running stream → its error response, `count` times, at different moments of the delay between tokens. */
export async function cancel({ server, count }) {
  const session = await Session.open(server);
  if (server.slowDown) await session.call(server.slowDown);
  await session.stream(server.slowRequest, "one two");
  await settle(session.pid);
  const samples = [];
  for (let round = 0; round < count; round += 1) samples.push(await cancelOnce(session, round % 20));
  await session.close();
  return { p50Ms: percentile(samples, 0.5), p95Ms: percentile(samples, 0.95) };
}

async function cancelOnce(session, pauseMs) {
  const { server, transport } = session;
  let sentAt = 0;
  const started = async (id) => {
    await sleep(pauseMs);
    sentAt = performance.now();
    transport.notify({ method: server.cancelMethod, params: { id } });
  };
  const seen = await session.stream(server.slowRequest, words(1_000), { started });
  const elapsedMs = performance.now() - sentAt;
  if (seen.response.error?.code !== REQUEST_CANCELLED) throw new Error("the answer is not that of a cancelled request");
  return elapsedMs;
}

/** The number of tokens of a finished stream; throws when text or notifications are missing. */
export function completeTokens(seen, count) {
  const { response, notifications, characters, sequence } = seen;
  if (response.error) throw new Error(`stream: ${JSON.stringify(response.error)}`);
  const total = response.result.usage?.completionTokens ?? notifications;
  const content = response.result.content;
  if (typeof content === "string" && content.length !== characters) {
    throw new Error(`streamed ${characters} of ${content.length} characters`);
  }
  if (total < count || !sequence) throw new Error(`${total} of ${count} tokens, sequence complete: ${sequence}`);
  return total;
}

function roundTrips(session, durationMs) {
  const { transport, server } = session;
  const samples = [];
  const end = performance.now() + durationMs;
  const done = new Promise((resolve, reject) => {
    const next = () => {
      const sentAt = performance.now();
      transport.call(server.ping, (response) => {
        const now = performance.now();
        if (response.error) return reject(new Error(`ping: ${JSON.stringify(response.error)}`));
        samples.push(now - sentAt);
        return now < end && samples.length < MAX_SAMPLES ? next() : resolve(samples);
      });
    };
    next();
  });
  return Promise.race([done, session.death()]);
}

function keepInFlight(session, durationMs, inFlight) {
  const { transport, server } = session;
  const begun = performance.now();
  let answered = 0;
  let open = 0;
  const done = new Promise((resolve, reject) => {
    const send = () => {
      open += 1;
      transport.call(server.ping, (response) => {
        if (response.error) return reject(new Error(`ping: ${JSON.stringify(response.error)}`));
        open -= 1;
        answered += 1;
        const elapsedMs = performance.now() - begun;
        if (elapsedMs < durationMs) return send();
        return open === 0 ? resolve({ answered, elapsedMs }) : undefined;
      });
    };
    for (let index = 0; index < inFlight; index += 1) send();
  });
  return Promise.race([done, session.death()]);
}

/** The smallest sample that at least `share` of all samples do not exceed. */
export function percentile(samples, share) {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
