// usage: node parent.mjs JOB — runs one measurement of one server and prints its result as one line of JSON.
// JOB: {measure, server, deadlineMs, …arguments of the measurement}; see servers.py for the fields of `server`.
import * as gateway from "./gateway.mjs";
import * as measures from "./measures.mjs";
import * as memory from "./memory.mjs";
import { killStarted } from "./process.mjs";
import * as repository from "./repository.mjs";

const job = JSON.parse(process.argv[2]);
const fail = (message) => {
  killStarted();
  process.stderr.write(`${message}\n`, () => process.exit(1));
};
setTimeout(() => fail(`${job.measure}: not done within ${job.deadlineMs} ms`), job.deadlineMs).unref();
process.on("uncaughtException", (error) => fail(`${job.measure}: ${error.stack}`)); // a server that writes no JSON
try {
  const result = await { ...measures, ...memory, ...gateway, ...repository }[job.measure](job);
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
} catch (error) {
  fail(`${job.measure}: ${error.message}`);
}
