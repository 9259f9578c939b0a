// The three wires under test, with one interface: call(request, answered, notified), notify(message), and onUnmatched.
// Every wire does the same work on every message: split, decode UTF-8, JSON.parse, match the id.
import http from "node:http";
import net from "node:net";

/** JSON-RPC over a child's stdin and stdout. A subclass frames: `encode(body)` and `decode(bytes) → bodies`. */
class PipeTransport {
  constructor(child) {
    this.child = child;
    this.lastId = 0;
    this.answers = new Map(); // request id → callback
    this.outbox = null; // text to send when all messages of one read are handled: one write for all of them
    this.streams = new Map(); // id of a request (or a thread) that streams → what takes its notifications
    this.latestStream = () => {};
    this.onUnmatched = () => {};
    child.stdout.on("data", (chunk) => this.receive(chunk));
  }

  receive(chunk) {
    this.outbox = "";
    for (const body of this.decode(chunk)) this.dispatch(JSON.parse(body));
    if (this.outbox) this.child.stdin.write(this.outbox);
    this.outbox = null;
  }

  dispatch(message) {
    if (message.method !== undefined) {
      const { requestId, threadId } = message.params ?? {};
      const stream = this.streams.get(requestId ?? threadId) ?? this.latestStream;
      return stream(message);
    }
    const answered = this.answers.get(message.id);
    if (!answered) return this.onUnmatched(message);
    this.answers.delete(message.id);
    return answered(message);
  }

  /** Sends a request; `answered` gets the whole response message. Returns its id. */
  call(request, answered) {
    const id = (this.lastId += 1);
    this.answers.set(id, answered);
    this.notify({ id, ...request });
    return id;
  }

  notify(message) {
    const text = this.encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    if (this.outbox === null) this.child.stdin.write(text);
    else this.outbox += text;
  }

  /**
   * One streaming request: resolves with its response and what came before it: the number of notifications, their
   * characters, and whether their `seq` had no gap. `started` is called with the request's id at the first token,
   * `took` with the text of each. Several requests may stream at a time where notifications have a `requestId`.
   */
  stream(request, tokenMethod, { started = () => {}, took = () => {} } = {}) {
    const seen = { notifications: 0, characters: 0, sequence: true };
    let sequence = 0; // over all notifications of the request, whatever their method
    return new Promise((resolve) => {
      const id = this.call(request, (response) => {
        this.streams.delete(id);
        resolve({ response, ...seen });
      });
      this.latestStream = ({ method, params }) => {
        if (params?.seq !== undefined && params.seq !== sequence++) seen.sequence = false;
        if (method !== tokenMethod) return;
        if (seen.notifications === 0) started(id);
        const text = params.token ?? params.message;
        seen.notifications += 1;
        seen.characters += text.length;
        took(text);
      };
      this.streams.set(id, this.latestStream);
    });
  }
}

/** One message per line (ckservice, MCP, codex, the bare loop). */
export class LineTransport extends PipeTransport {
  incomplete = []; // the chunks of a line whose end has not been read

  encode(body) {
    return `${body}\n`;
  }

  decode(chunk) {
    const end = chunk.lastIndexOf(10);
    if (end < 0) {
      this.incomplete.push(chunk);
      return [];
    }
    const lines = Buffer.concat([...this.incomplete, chunk.subarray(0, end)]).toString("utf8").split("\n");
    this.incomplete = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    return lines;
  }
}

/** codex app-server: each question begins a thread of its own, so that none carries what was said before. */
export class ThreadTransport extends LineTransport {
  stream({ thread, turn }, tokenMethod, { started = () => {}, took = () => {} } = {}) {
    const seen = { notifications: 0, characters: 0, sequence: true };
    return new Promise((resolve) => {
      const end = (error) => resolve({ response: error ? { error } : { result: {} }, ...seen });
      this.call(thread, (response) => {
        if (response.error) return end(response.error);
        const threadId = response.result.thread.id;
        this.streams.set(threadId, ({ method, params }) => {
          if (method === "turn/completed") {
            this.streams.delete(threadId);
            end(params.turn.error);
          }
          if (method !== tokenMethod) return;
          if (seen.notifications === 0) started();
          seen.notifications += 1;
          seen.characters += params.delta.length;
          took(params.delta);
        });
        return this.call({ ...turn, params: { ...turn.params, threadId } }, () => {});
      });
    });
  }
}

/** A Content-Length header before each message, as the Language Server Protocol has it (pygls). */
export class HeaderTransport extends PipeTransport {
  pending = Buffer.alloc(0); // bytes after the last complete message

  encode(body) {
    return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }

  *decode(chunk) {
    let bytes = this.pending.length ? Buffer.concat([this.pending, chunk]) : chunk;
    for (;;) {
      const headerEnd = bytes.indexOf("\r\n\r\n");
      if (headerEnd < 0) break;
      const length = Number(/Content-Length: (\d+)/i.exec(bytes.latin1Slice(0, headerEnd))[1]);
      const bodyEnd = headerEnd + 4 + length;
      if (bytes.length < bodyEnd) break;
      const body = bytes.utf8Slice(headerEnd + 4, bodyEnd);
      bytes = bytes.subarray(bodyEnd);
      yield body;
    }
    this.pending = bytes;
  }
}

/** HTTP on loopback with kept-alive connections; a stream is a response of server-sent events (FastAPI). */
export class HttpTransport {
  constructor(port) {
    this.port = port;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  }

  /** Sends `request` ({method, path, body}); `answered` gets {status, body}, or {error} when it could not be sent. */
  call(request, answered) {
    this.send(request, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => (body += text));
      response.on("end", () => answered({ status: response.statusCode, body: JSON.parse(body) }));
    }).on("error", (error) => answered({ error: { message: error.message } }));
  }

  send({ method, path, body }, received) {
    const headers = body ? { "content-type": "application/json" } : {};
    const options = { host: "127.0.0.1", port: this.port, agent: this.agent, method, path, headers };
    const request = http.request(options, received);
    request.end(body && JSON.stringify(body));
    return request;
  }

  stream(request, _tokenMethod, { started = () => {}, took = () => {} } = {}) {
    const seen = { notifications: 0, characters: 0, sequence: true };
    const notify = (event) => {
      const token = countEvent(event, seen);
      if (token === undefined) return;
      if (seen.notifications === 1) started();
      took(token);
    };
    return new Promise((resolve, reject) => {
      this.send(request, (response) => {
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (text) => {
          const events = (rest + text).split("\n\n");
          rest = events.pop();
          for (const event of events) notify(event);
        });
        response.on("end", () => resolve({ response: { result: {} }, ...seen }));
      }).on("error", reject);
    });
  }
}

/** Counts an event, and returns its token if it has one. */
function countEvent(event, seen) {
  const data = JSON.parse(event.slice(event.indexOf("data: ") + 6));
  if (data.token === undefined) return undefined;
  if (data.seq !== seen.notifications) seen.sequence = false;
  seen.notifications += 1;
  seen.characters += data.token.length;
  return data.token;
}

/** A TCP port that is free now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
