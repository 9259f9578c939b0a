"""The part of `protocol.ts` that is the same for every contract: how JSON-RPC 2.0 carries methods, events and errors.

It is written in terms of the tables that the contract fills: Methods, HostMethods, ServiceNotifications,
HostNotifications, MethodNotifications, ErrorKind and ERROR_CODES.
"""

JSON = """\
/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** Any JSON object. */
export interface JsonObject {
  [key: string]: JsonValue;
}
"""

REQUEST_ID = """\
/** The id of a request: unique among those in flight. */
export type RequestId = string | number;
"""

CALLS = """\
export type MethodName = keyof Methods;
export type HostMethodName = keyof HostMethods;
type AnyMethodName = MethodName | HostMethodName;

export type ParamsOf<M extends AnyMethodName> = (Methods & HostMethods)[M]['params'];
export type ResultOf<M extends AnyMethodName> = (Methods & HostMethods)[M]['result'];

/**
 * What follows the method in a typed call: `request<M extends MethodName>(method: M, ...args: ParamsArgs<M>)`.
 * The params may be left out when none of them is required.
 */
export type ParamsArgs<M extends AnyMethodName> =
  {} extends ParamsOf<M> ? [params?: ParamsOf<M> | undefined] : [params: ParamsOf<M>];
"""

NOTIFICATIONS = """\
export interface Notifications extends ServiceNotifications, HostNotifications {}
export type NotificationName = keyof Notifications;

/** A method with its params, which may be left out when none of them is required. */
type NamedCall<Name, Params> =
  {} extends Params ? { method: Name; params?: Params } : { method: Name; params: Params };

/** What the service tells the host; `method` says which it is. */
export type ServiceNotification = {
  [N in keyof ServiceNotifications]: NamedCall<N, ServiceNotifications[N]>;
}[keyof ServiceNotifications];

/** What the host tells the service; `method` says which it is. */
export type HostNotification = {
  [N in keyof HostNotifications]: NamedCall<N, HostNotifications[N]>;
}[keyof HostNotifications];

/** The notifications that can arrive while a request of the method `M` runs. */
export type EventOf<M extends MethodName> = Extract<ServiceNotification, { method: MethodNotifications[M] }>;
"""

ERROR = """\
export type ErrorCode = (typeof ERROR_CODES)[ErrorKind];

/** The `error` of a response; `data.kind` says which it is, and `code` follows from it. */
export type ProtocolError<K extends ErrorKind = ErrorKind> = {
  [Kind in K]: { code: (typeof ERROR_CODES)[Kind]; message: string; data: {ERROR_DATA} & { kind: Kind } };
}[K];
"""

MESSAGES = """\
interface JsonRpcMessage {
  jsonrpc: '2.0';
}

export type Request<M extends AnyMethodName = MethodName> = {
  [N in M]: JsonRpcMessage & { id: RequestId } & NamedCall<N, ParamsOf<N>>;
}[M];

export interface SuccessResponse<M extends AnyMethodName = MethodName> extends JsonRpcMessage {
  id: RequestId;
  result: ResultOf<M>;
  error?: never;
}

/** `id` is null when the request was too broken to tell. */
export interface ErrorResponse extends JsonRpcMessage {
  id: RequestId | null;
  result?: never;
  error: ProtocolError;
}

export type Response<M extends AnyMethodName = MethodName> = SuccessResponse<M> | ErrorResponse;

export type Notification<N extends NotificationName = NotificationName> = {
  [K in N]: JsonRpcMessage & NamedCall<K, Notifications[K]>;
}[N];
"""
