// The measured child process: its start and end, and what the kernel says it has used (Linux: /proc; elsewhere null).
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const STDERR_TAIL = 2_000; // characters kept for the message of a failure
const EXIT_WAIT_MS = 5_000; // a server that has not ended by then is killed
const TICK_MICROS = 10_000; // the kernel's USER_HZ is 100 on every Linux that Node runs on

const started = new Set();

/** Starts `command` with three pipes, as a desktop application starts its sidecar; stderr is read and its tail kept. */
export function start(command, environment) {
  const child = spawn(command[0], command.slice(1), { stdio: "pipe", env: { ...process.env, ...environment } });
  started.add(child);
  child.stderrTail = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text) => {
    child.stderrTail = (child.stderrTail + text).slice(-STDERR_TAIL);
  });
  child.stdin.on("error", () => {}); // a dead server is reported by its exit
  child.ended = new Promise((resolve) => child.once("close", resolve));
  return child;
}

/** Kills what this parent has started and not yet ended. */
export function killStarted() {
  for (const child of started) child.kill("SIGKILL");
}

/** Ends the child: end of input (or SIGTERM for a server that does not read stdin), then SIGKILL. */
export async function stop(child, signal) {
  child.stdin.end();
  if (signal) child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_WAIT_MS);
  await child.ended;
  clearTimeout(timer);
}

/**
 * CPU microseconds, user and system, of a live process.
 * The sum over its threads is exact to the nanosecond but forgets threads that have ended; the total of the
 * process remembers them but counts in 10 ms. Both are lower bounds: the larger one is the answer.
 */
export function cpuMicros(pid) {
  if (process.platform !== "linux") return null;
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ", 1)[0]);
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error; // the thread has ended meanwhile
    }
  }
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return Math.max(nanoseconds / 1_000, (Number(user) + Number(system)) * TICK_MICROS);
}

/** Resident set size in bytes: `current`, and `peak` since the process began or `resetPeak`. */
export function residentBytes(pid) {
  if (process.platform !== "linux") return { current: null, peak: null };
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kibibytes = (name) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))[1]);
  return { current: kibibytes("VmRSS") * 1024, peak: kibibytes("VmHWM") * 1024 };
}

/** Lets the peak begin again at the current size. https://docs.kernel.org/filesystems/proc.html (clear_refs, 5) */
export function resetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Waits until the process has used less than 2 ms of CPU in 100 ms: its imports in the background are done. At most 5 s. */
export async function settle(pid) {
  let before = cpuMicros(pid);
  for (let round = 0; round < 50; round += 1) {
    await sleep(100);
    const now = cpuMicros(pid);
    if (now - before < 2_000) return;
    before = now;
  }
}
