/**
 * The shapes of tests/data/every_shape.json that the real contract lacks, above all requests of the service to the host.
 *
 * tests/test_typescript_types.py compiles this beside the files generated from that contract, not beside the real ones.
 */
import type {
  CompleteParams,
  HostMethods,
  JsonObject,
  MethodErrors,
  MethodName,
  ParamsArgs,
  ParamsOf,
  Part,
  ProviderName,
  Request,
  Response,
  ResultOf,
  Settings,
  Tree,
} from '../../schemas/typescript/protocol.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<_Claim extends true>(): void;
declare function unreachable(value: never): never;
declare function request<M extends MethodName>(method: M, ...args: ParamsArgs<M>): Promise<ResultOf<M>>;

type Handler<M extends keyof HostMethods> = (params: ParamsOf<M>) => ResultOf<M>;

export const approve: Handler<'approval/request'> = (params) => {
  const tool: string = params.tool;
  const given: JsonObject = params.arguments;
  // @ts-expect-error TS2339: the params have no such member
  void params.nobody;
  return { decision: tool in given ? 'approved' : 'rejected' };
};
// @ts-expect-error TS2322: no such decision
export const hesitate: Handler<'approval/request'> = () => ({ decision: 'perhaps' });
// @ts-expect-error TS2741: a required member is missing
export const shrug: Handler<'approval/request'> = () => ({});
// @ts-expect-error TS2344: the host answers no such request
export declare const stranger: Handler<'chat/complete'>;

export function answered(response: Response<'approval/request'>): 'approved' | 'rejected' | undefined {
  return response.error ? undefined : response.result.decision;
}

export const asked: Request<'approval/request'> = {
  jsonrpc: '2.0',
  id: 1,
  method: 'approval/request',
  params: { tool: 't', arguments: { deep: [{ er: null }] }, nothing: null },
};
// @ts-expect-error TS2322: unless it is said, a request is one to the service
export const misdirected: Request = asked;

export async function requests() {
  await request('initialize', { protocolVersion: 1, clientInfo: { name: 'host', version: '1', 'build-id': 'x' } });
  await request('ping', {});
  // @ts-expect-error TS2345: the service asks this, and isn't asked
  await request('approval/request', { tool: 't', arguments: {} });
  // @ts-expect-error TS2322: another version of the protocol
  await request('initialize', { protocolVersion: 2, clientInfo: { name: 'host', version: '1' } });
  // @ts-expect-error TS2322: params that are empty and closed
  await request('ping', { echo: 'x' });
}

export function leaves(tree: Tree): number {
  switch (tree.kind) {
    case 'leaf':
      return tree.value;
    case 'branch':
      return tree.children.map(leaves).reduce((sum, value) => sum + value, 0);
    default:
      return unreachable(tree);
  }
}

export function shown(part: Part): string {
  // @ts-expect-error TS2339: only one of the parts has it
  void part.text;
  return part.type === 'text' ? part.text : JSON.stringify(part.arguments);
}

// @ts-expect-error TS2353: a map has only the keys of its enum
export const providers: Settings['providers'] = { acme: { provider: 'openai' } };
// @ts-expect-error TS2322: a cycle is checked all the way
export const fallback: CompleteParams['config'] = { provider: 'openai', fallback: [{ provider: 'acme' }] };

export function claims() {
  holds<Equal<keyof HostMethods, 'approval/request'>>();
  holds<Equal<HostMethods['approval/request']['result']['decision'], 'approved' | 'rejected'>>();
  holds<Equal<ParamsArgs<'approval/request'>, [params: ParamsOf<'approval/request'>]>>();
  holds<Equal<MethodErrors['approval/request'], 'cancelled'>>();
  holds<Equal<NonNullable<CompleteParams['stop']>, (string | null)[]>>();
  holds<Equal<Required<CompleteParams>['mode'], 'auto' | 1 | null | true>>();
  holds<Equal<ProviderName, 'azure-openai' | 'openai' | 'offline'>>();
  // @ts-expect-error TS2344: what the host answers isn't any
  holds<Equal<ResultOf<'approval/request'>, any>>();
}
