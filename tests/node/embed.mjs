import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const pending = new Map();
const service = spawn('ckservice', { stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
service.on('close', () => pending.forEach(({ reject }) => reject(new Error('ckservice has ended'))));
for (const part of [service, service.stdin]) part.on('error', console.error);
createInterface({ input: service.stdout }).on('line', (line) => {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === 'stream/token') pending.get(params.requestId).onToken?.(params.token);
  if (!method) pending.get(id).resolve(error ? Promise.reject(Object.assign(new Error(), error)) : result);
});

export const call = (method, params, onToken, id = crypto.randomUUID()) => new Promise((resolve, reject) => {
  pending.set(id, { resolve, reject, onToken });
  service.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`, (error) => error && reject(error));
}).finally(() => pending.delete(id));
