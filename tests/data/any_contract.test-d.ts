/**
 * What holds of every contract, whatever it names, and in whichever direction it names nothing.
 *
 * tests/test_typescript_types.py compiles this beside the real contract, a larger one, and two made up.
 */
import type {
  ERROR_CODES,
  ErrorCode,
  ErrorKind,
  EventOf,
  HostMethodName,
  HostMethods,
  HostNotification,
  HostNotifications,
  MethodErrors,
  MethodName,
  MethodNotifications,
  Methods,
  Notification,
  NotificationName,
  ParamsArgs,
  ParamsOf,
  ProtocolError,
  Request,
  Response,
  ResultOf,
  SCHEMA_HASH,
  ServiceNotification,
  ServiceNotifications,
} from '../../schemas/typescript/protocol.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<_Claim extends true>(): void;

type PartOf<Table, Part extends string> = {
  [Name in keyof Table]: Table[Name] extends Record<Part, infer Type> ? Type : 'missing';
}[keyof Table];
type NamesOf<Message> = Message extends { method: infer Name } ? Name : never;

/** A host that asks, with every method that there is. */
export declare function request<M extends MethodName>(method: M, ...args: ParamsArgs<M>): Promise<ResultOf<M>>;

/** A host that is asked, with a handler for each request that there is: maybe none. */
export type Handlers = { [M in HostMethodName]: (params: ParamsOf<M>) => Promise<ResultOf<M>> };

export function handle<M extends HostMethodName>(handlers: Handlers, method: M, params: ParamsOf<M>) {
  const handler: (params: ParamsOf<M>) => Promise<ResultOf<M>> = handlers[method];
  return handler(params);
}

export function received(message: Request<HostMethodName> | Notification<keyof ServiceNotifications> | Response) {
  return 'id' in message ? message.id : undefined;
}

export function answered(response: Response<HostMethodName>): ErrorKind | ResultOf<HostMethodName> {
  return response.error ? response.error.data.kind : response.result;
}

export function claims() {
  holds<Equal<MethodName & HostMethodName, never>>();
  holds<Equal<ParamsOf<MethodName>, PartOf<Methods, 'params'>>>();
  holds<Equal<ResultOf<MethodName>, PartOf<Methods, 'result'>>>();
  holds<Equal<ParamsOf<HostMethodName>, PartOf<HostMethods, 'params'>>>();
  holds<Equal<ResultOf<HostMethodName>, PartOf<HostMethods, 'result'>>>();
  holds<Equal<NamesOf<Request>, MethodName>>();
  holds<Equal<NamesOf<Request<HostMethodName>>, HostMethodName>>();

  holds<Equal<NotificationName, keyof ServiceNotifications | keyof HostNotifications>>();
  holds<Equal<keyof ServiceNotifications & keyof HostNotifications, never>>();
  holds<Equal<NamesOf<ServiceNotification>, keyof ServiceNotifications>>();
  holds<Equal<NamesOf<HostNotification>, keyof HostNotifications>>();
  holds<Equal<NamesOf<Notification>, NotificationName>>();

  holds<Equal<keyof MethodErrors, MethodName | HostMethodName>>();
  holds<MethodErrors[keyof MethodErrors] extends ErrorKind ? true : false>();
  holds<Equal<keyof MethodNotifications, MethodName>>();
  holds<Equal<NamesOf<EventOf<MethodName>>, MethodNotifications[MethodName]>>();

  holds<Equal<keyof typeof ERROR_CODES, ErrorKind>>();
  holds<Equal<ProtocolError['code'], ErrorCode>>();
  holds<Equal<ProtocolError['data']['kind'], ErrorKind>>();
  holds<Equal<NonNullable<Response['error']>, ProtocolError>>();

  // @ts-expect-error TS2344: methods have names of their own
  holds<Equal<MethodName, string>>();
  // @ts-expect-error TS2344: and those of the host have, too
  holds<Equal<HostMethodName, string>>();
  // @ts-expect-error TS2344: notifications have names of their own
  holds<Equal<NotificationName, string>>();
  // @ts-expect-error TS2344: so have errors
  holds<Equal<ErrorKind, string>>();
  // @ts-expect-error TS2344: and they have codes of their own
  holds<Equal<ErrorCode, number>>();
  // @ts-expect-error TS2344: the params of the host's methods aren't any
  holds<Equal<ParamsOf<HostMethodName>, any>>();
  // @ts-expect-error TS2344: the hash is this contract's
  holds<Equal<typeof SCHEMA_HASH, string>>();
}
