// What is measured of a process that asks a provider and streams its answer. See upstream.mjs for what is asked.
import { setTimeout as sleep } from "node:timers/promises";

import { completeTokens, percentile, REQUEST_CANCELLED } from "./measures.mjs";
import { cpuMicros, residentBytes, settle } from "./process.mjs";
import { fill, Session } from "./session.mjs";
import { now, openUpstream, TOKEN_CHARS } from "./upstream.mjs";

const MEBIBYTE = 1024 * 1024;
const WARM_UP = 10; // questions: imports, connections, caches

/** A server that knows where the upstream is, started but not greeted. */
async function prepare(job) {
  const upstream = await openUpstream();
  return { upstream, server: fill(job.server, "$UPSTREAM", upstream.url) };
}

/** A session with a server that has asked and answered, and idles. */
async function warmSession(job, question = "bench receipt") {
  const { upstream, server } = await prepare(job);
  const session = await Session.open(server);
  for (let round = 0; round < WARM_UP; round += 1) await ask(session, question);
  await settle(session.pid);
  return { session, upstream };
}

async function ask(session, question, listeners) {
  const seen = await session.stream(session.server.streamRequest, question, listeners);
  if (seen.response.error) throw new Error(`${question}: ${JSON.stringify(seen.response.error)}`);
  return seen;
}

/** One answer of `count` tokens as fast as they pass, `batch` of them in each HTTP chunk. */
export async function upstream({ batch, count, ...job }) {
  const { session } = await warmSession(job, `bench fast 1000 ${batch}`);
  const cpuBefore = cpuMicros(session.pid);
  const begun = performance.now();
  const seen = await ask(session, `bench fast ${count} ${batch}`);
  const seconds = (performance.now() - begun) / 1_000;
  const cpuUs = cpuMicros(session.pid) - cpuBefore;
  if (seen.characters !== count * TOKEN_CHARS) throw new Error(`${seen.characters} characters of ${count} tokens`);
  if (seen.response.result.usage) completeTokens(seen, count);
  await session.close();
  return {
    tokensPerS: count / seconds,
    cpuPerTokenUs: cpuUs / count,
    tokensPerNotification: count / seen.notifications,
  };
}

/** `streams` answers at a time, each of `tokens` tokens `intervalMs` apart: how long a token is on its way. */
export async function paced({ streams, tokens, intervalMs, ...job }) {
  const { session } = await warmSession(job);
  const samples = [];
  const took = (text) => {
    const arrivedAt = now();
    for (const sentAt of text.trimEnd().split(" ")) samples.push(Number(arrivedAt - BigInt(sentAt)) / 1_000);
  };
  const cpuBefore = cpuMicros(session.pid);
  const begun = performance.now();
  const question = `bench paced ${tokens} ${intervalMs}`;
  await Promise.all(Array.from({ length: streams }, () => ask(session, question, { took })));
  const cpuPercent = ((cpuMicros(session.pid) - cpuBefore) / ((performance.now() - begun) * 1_000)) * 100;
  const rssMib = residentBytes(session.pid).current / MEBIBYTE;
  if (samples.length !== streams * tokens) throw new Error(`${samples.length} of ${streams * tokens} tokens`);
  await session.close();
  return { p50Us: percentile(samples, 0.5), p99Us: percentile(samples, 0.99), cpuPercent, rssMib };
}

/** Spawn → the first token of a question asked as soon as the server has greeted; then its memory once it idles. */
export async function firstChat(job) {
  const { server } = await prepare(job);
  const session = await Session.open(server);
  let firstTokenAt = 0;
  await ask(session, "bench fast 20 1", { started: () => (firstTokenAt = performance.now()) });
  const wallMs = firstTokenAt - session.startedAt;
  const cpuMs = cpuMicros(session.pid) / 1_000;
  await settle(session.pid);
  const rssMib = residentBytes(session.pid).current / MEBIBYTE;
  await session.close();
  return { wallMs, cpuMs, rssMib };
}

/** Question written → question at the provider, `rounds` times, one after the other. */
export async function request({ rounds, ...job }) {
  const { session } = await warmSession(job);
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    const sentAt = now();
    let receivedAt = sentAt;
    await ask(session, "bench receipt", { took: (text) => (receivedAt = BigInt(text)) });
    samples.push(Number(receivedAt - sentAt) / 1_000);
  }
  await session.close();
  return { p50Us: percentile(samples, 0.5), p95Us: percentile(samples, 0.95) };
}

/** Cancel of a stream → its answer, and → the end of its connection as the provider sees it, `rounds` times. */
export async function upstreamCancel({ rounds, ...job }) {
  const { session, upstream } = await warmSession(job);
  const answers = [];
  const ends = [];
  for (let round = 0; round < rounds; round += 1) {
    const closed = upstream.closed();
    const [sentAt, answeredAt] = await cancelOnce(session);
    answers.push(Number(answeredAt - sentAt) / 1e6);
    ends.push(Number((await Promise.race([closed, session.death()])) - sentAt) / 1e6);
  }
  await session.close();
  return {
    answerP50Ms: percentile(answers, 0.5),
    answerP95Ms: percentile(answers, 0.95),
    closedP50Ms: percentile(ends, 0.5),
    closedP95Ms: percentile(ends, 0.95),
  };
}

async function cancelOnce(session) {
  const { server, transport } = session;
  let sentAt;
  const started = async (id) => {
    await sleep(5); // the cancel comes while the server waits for more
    sentAt = now();
    transport.notify({ method: server.cancelMethod, params: { id } });
  };
  const { response } = await session.stream(server.streamRequest, "bench open", { started });
  const answeredAt = now();
  if (response.error?.code !== REQUEST_CANCELLED) throw new Error("the answer is not that of a cancelled request");
  return [sentAt, answeredAt];
}

/** A question of which the server has kept the answer of `tokens` tokens → the end of that answer, `rounds` times. */
export async function cached({ rounds, tokens, ...job }) {
  job.server.streamRequest.params.cache = "use";
  const { session } = await warmSession(job, `bench fast ${tokens} 1`);
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    const sentAt = performance.now();
    const seen = await ask(session, `bench fast ${tokens} 1`);
    samples.push(performance.now() - sentAt);
    if (!seen.response.result.cached || seen.characters !== tokens * TOKEN_CHARS) throw new Error("not from the cache");
  }
  await session.close();
  return { p50Ms: percentile(samples, 0.5), p95Ms: percentile(samples, 0.95) };
}
