/**
 * What the compiler must accept of the generated types, and what it must refuse.
 *
 * Every `@ts-expect-error` names the code of the error that it expects in the next line, or two where the compilers
 * disagree. tests/test_typescript_types.py takes them all away and compares, so that none is satisfied by another error.
 */
import {
  ERROR_CODES,
  PROTOCOL_VERSION,
  SCHEMA_HASH,
  type ErrorCode,
  type ErrorKind,
  type EventOf,
  type HostNotification,
  type JsonObject,
  type JsonValue,
  type MethodErrors,
  type MethodName,
  type Notification,
  type ParamsArgs,
  type ParamsOf,
  type ProtocolError,
  type Request,
  type RequestId,
  type Response,
  type ResultOf,
  type ServiceNotification,
} from '../../schemas/typescript/protocol.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<_Claim extends true>(): void;
declare function unreachable(value: never): never;

declare function request<M extends MethodName>(method: M, ...args: ParamsArgs<M>): Promise<ResultOf<M>>;
declare function notify(notification: HostNotification): void;

const messages: ParamsOf<'chat/complete'>['messages'] = [{ role: 'user', content: 'Hello' }];

export async function requests(timeoutMs: number | undefined) {
  const answer = await request('chat/complete', { messages, stream: true, _meta: { timeoutMs: 1000 } });
  const content: string = answer.content;
  await request('ping');
  await request('ping', undefined);
  await request('ping', {});
  await request('health/check', { _meta: { timeoutMs: 1000 } });
  await request('shutdown', { graceMs: 500 });
  await request('model/list', { provider: 'openai' });
  const { schemaHash } = await request('initialize', {
    protocolVersion: PROTOCOL_VERSION,
    clientInfo: { name: 'host', version: '1.0.0' },
    optOutNotifications: ['stream/reasoning'],
  });
  const same: boolean = schemaHash === SCHEMA_HASH;

  // @ts-expect-error TS2345: no such method
  await request('chat/completed', { messages });
  // @ts-expect-error TS2345: a method of the host is none of the service
  await request('approval/request', {});
  // @ts-expect-error TS2345: a notification is no request
  await request('$/cancelRequest', { id: 1 });
  // @ts-expect-error TS2554: the params are required
  await request('chat/complete');
  // @ts-expect-error TS2345 TS2741: a required param is missing
  await request('chat/complete', { stream: true });
  // @ts-expect-error TS2561: an unknown param
  await request('chat/complete', { messages, streaming: true });
  // @ts-expect-error TS2353: an unknown param of a method that has none
  await request('ping', { echo: 'x' });
  // @ts-expect-error TS2322: the wrong type
  await request('chat/complete', { messages, stream: 'yes' });
  // @ts-expect-error TS2322: a role that doesn't exist
  await request('chat/complete', { messages: [{ role: 'robot', content: '' }] });
  // @ts-expect-error TS2322: null isn't how a member is left out
  await request('chat/complete', { messages, model: null });
  // @ts-expect-error TS2379: undefined isn't either
  await request('chat/complete', { messages, model: undefined });
  // @ts-expect-error TS2375: nor deep inside
  await request('ping', { _meta: { timeoutMs } });
  // @ts-expect-error TS2322: a provider that doesn't exist
  await request('model/list', { provider: 'acme' });
  // @ts-expect-error TS2322: a version of the protocol is a number
  await request('initialize', { protocolVersion: '1', clientInfo: { name: 'host', version: '1.0.0' } });
  // @ts-expect-error TS2741: a required member is missing, deep inside
  await request('initialize', { protocolVersion: PROTOCOL_VERSION, clientInfo: { name: 'host' } });
  // @ts-expect-error TS2339: the result has no such member
  void answer.text;
  // @ts-expect-error TS2322: the result's member has another type
  const wrong: number = answer.content;
  return { content, same, wrong };
}

export function notifications(event: ServiceNotification): string | number {
  switch (event.method) {
    case 'stream/token':
      // @ts-expect-error TS2339: another notification's member
      void event.params.phase;
      return event.params.token + String(event.params.tokenIndex) + String(event.params.seq);
    case 'stream/progress':
      // @ts-expect-error TS2339: another notification's member
      void event.params.token;
      return event.params.phase;
    case 'stream/usage':
      return event.params.usage.totalTokens;
    // @ts-expect-error TS2678: no such notification
    case 'stream/tokens':
      return 0;
    default:
      return event.method;
  }
}

export function everyEvent(event: ServiceNotification) {
  if (event.method === 'stream/token') return;
  // @ts-expect-error TS2345: the other notifications are left
  unreachable(event);
}

export function eventsOfOneMethod(event: EventOf<'chat/complete'>): string {
  return event.method === 'stream/token' ? event.params.token : event.method;
}

export function toTheService(id: RequestId, event: ServiceNotification) {
  notify({ method: '$/cancelRequest', params: { id } });
  notify({ method: 'exit' });
  // @ts-expect-error TS2345: params that are required
  notify({ method: '$/cancelRequest' });
  // @ts-expect-error TS2322: an id that can't be
  notify({ method: '$/cancelRequest', params: { id: true } });
  // @ts-expect-error TS2322: the service sends this one
  notify({ method: 'stream/token' });
  // @ts-expect-error TS2345: and all of these
  notify(event);
}

export function failures(error: ProtocolError): string {
  switch (error.data.kind) {
    case 'rateLimited':
      return `Wait for ${error.data.retryAfterMs ?? 0} ms`;
    // @ts-expect-error TS2678: no such kind
    case 'rateLimit':
      return '';
    default:
      return error.data.userMessage;
  }
}

export function everyFailure(error: ProtocolError<'cancelled' | 'rateLimited'>): number {
  switch (error.data.kind) {
    case 'cancelled':
      return ERROR_CODES.cancelled;
    case 'rateLimited':
      return ERROR_CODES.rateLimited;
    default:
      return unreachable(error.data);
  }
}

export function notEveryFailure(error: ProtocolError) {
  if (error.data.kind === 'cancelled') return;
  // @ts-expect-error TS2345: the other kinds are left
  unreachable(error.data);
}

export function responses(response: Response<'chat/complete'>): string {
  if (response.error) return response.error.message;
  const id: RequestId = response.id;
  // @ts-expect-error TS2339: the result of another method
  void response.result.schemaHash;
  return `${id}: ${response.result.content}`;
}

export const asked: Request<'chat/complete'> = { jsonrpc: '2.0', id: 1, method: 'chat/complete', params: { messages } };
export const pinged: Request = { jsonrpc: '2.0', id: 'a', method: 'ping' };
export const told: Notification = { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } };
// @ts-expect-error TS2322: another version of JSON-RPC
export const old: Request<'ping'> = { jsonrpc: '1.0', id: 1, method: 'ping' };
// @ts-expect-error TS2322: a request has an id
export const anonymous: Request<'ping'> = { jsonrpc: '2.0', method: 'ping' };
// @ts-expect-error TS2322 TS2353: params of another method
export const mixed: Request = { jsonrpc: '2.0', id: 1, method: 'chat/complete', params: { graceMs: 1 } };

export const nested: JsonValue = { list: [1, 'two', null, { three: true }] };
// @ts-expect-error TS2322: undefined is no JSON
export const hole: JsonObject = { value: undefined };
// @ts-expect-error TS2322: a date is no JSON
export const date: JsonValue = new Date();

export function claims() {
  holds<Equal<ErrorKind, keyof typeof ERROR_CODES>>();
  holds<Equal<(typeof ERROR_CODES)['cancelled'], -32800>>();
  holds<Equal<ProtocolError<'cancelled'>['code'], -32800>>();
  holds<Equal<Extract<ErrorCode, -32012>, -32012>>();
  holds<Equal<typeof PROTOCOL_VERSION, 1>>();
  holds<Equal<ParamsArgs<'chat/complete'>, [params: ParamsOf<'chat/complete'>]>>();
  holds<MethodErrors['chat/complete'] extends ErrorKind ? true : false>();
  holds<'rateLimited' extends MethodErrors['chat/complete'] ? true : false>();
  holds<Equal<EventOf<'ping'>, never>>();
  // @ts-expect-error TS2344: the result of a completion isn't any
  holds<Equal<ResultOf<'chat/complete'>, any>>();
  // @ts-expect-error TS2344: methods have names of their own
  holds<Equal<MethodName, string>>();
}
