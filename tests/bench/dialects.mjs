// How the four APIs stream an answer of text: what comes before its pieces, a piece, and what comes after `count` of them.
// Members and their order are those of the servers named; a piece is what the measurements are made of.

const MODEL = "bench-model";
const USAGE = (count) => ({ prompt_tokens: 11, completion_tokens: count, total_tokens: 11 + count });
const COUNTS = (count) => ({ input_tokens: 11, output_tokens: count, total_tokens: 11 + count });

const data = (value) => `data: ${JSON.stringify(value)}\n\n`;
const event = (value) => `event: ${value.type}\n${data(value)}`;

// https://platform.openai.com/docs/api-reference/chat-streaming
const chunk = (choices, usage = null) =>
  data({
    id: "chatcmpl-CdQ9n0Fh2kq7TzVYb3mXw5sRj1uLe",
    object: "chat.completion.chunk",
    created: 1763640000,
    model: MODEL,
    service_tier: "default",
    system_fingerprint: "fp_e819e3438b",
    choices,
    usage,
    obfuscation: "f3Qz8Lw2",
  });
const choice = (delta, finish_reason = null) => [{ index: 0, delta, logprobs: null, finish_reason }];
const chatCompletions = {
  type: "text/event-stream; charset=utf-8",
  begin: () => chunk(choice({ role: "assistant", content: "", refusal: null })),
  piece: (content) => chunk(choice({ content })),
  end: (count) => chunk(choice({}, "stop")) + chunk([], USAGE(count)) + "data: [DONE]\n\n",
};

// https://platform.openai.com/docs/api-reference/responses-streaming
const ITEM = "msg_68a1f0c2b7d4819fa3e6d5c4b3a29180";
const place = { item_id: ITEM, output_index: 0, content_index: 0 };
const message = (status, content) => ({ id: ITEM, type: "message", status, content, role: "assistant" });
const part = { type: "output_text", annotations: [], logprobs: [], text: "" };
const answer = (status, usage) => ({ id: "resp_68a1f0c2", object: "response", status, model: MODEL, output: [], usage });
const responses = {
  type: "text/event-stream; charset=utf-8",
  begin: () =>
    event({ type: "response.created", sequence_number: 0, response: answer("in_progress", null) }) +
    event({ type: "response.output_item.added", sequence_number: 1, output_index: 0, item: message("in_progress", []) }) +
    event({ type: "response.content_part.added", sequence_number: 2, ...place, part }),
  piece: (delta) =>
    event({
      type: "response.output_text.delta",
      sequence_number: 1234,
      ...place,
      delta,
      logprobs: [],
      obfuscation: "f3Qz8Lw2",
    }),
  end: (count) =>
    event({ type: "response.output_item.done", output_index: 0, item: message("completed", [part]) }) +
    event({ type: "response.completed", response: answer("completed", COUNTS(count)) }),
};

// https://platform.claude.com/docs/en/build-with-claude/streaming
const anthropic = {
  type: "text/event-stream; charset=utf-8",
  begin: () =>
    event({
      type: "message_start",
      message: {
        id: "msg_01XFDUDYJgAACzvnptvVoYEL",
        type: "message",
        role: "assistant",
        content: [],
        model: MODEL,
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 11, output_tokens: 1 },
      },
    }) + event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  piece: (text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  end: (count) =>
    event({ type: "content_block_stop", index: 0 }) +
    event({
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: count },
    }) +
    event({ type: "message_stop" }),
};

// https://docs.ollama.com/api/streaming
const line = (content, members) =>
  `${JSON.stringify({
    model: MODEL,
    created_at: "2026-11-20T12:00:00.123456789Z",
    message: { role: "assistant", content },
    ...members,
  })}\n`;
const ollama = {
  type: "application/x-ndjson",
  begin: () => "",
  piece: (content) => line(content, { done: false }),
  end: (count) => line("", { done: true, done_reason: "stop", prompt_eval_count: 11, eval_count: count }),
};

/** The dialect that is spoken at a path; undefined where nothing is. */
export const dialects = {
  "/v1/chat/completions": chatCompletions,
  "/v1/responses": responses,
  "/v1/messages": anthropic,
  "/api/chat": ollama,
};
