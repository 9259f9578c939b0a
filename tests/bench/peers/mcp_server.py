"""MCP Python SDK, low-level server on stdio: a tool that streams its text as progress notifications.

Written as https://py.sdk.modelcontextprotocol.io shows it. The low-level server is measured because it is the faster of the
two: the high-level one (MCPServer) is the same server with a layer on top. Token notifications are
`notifications/progress`, the only ones of the protocol that belong to a running request.
"""

import anyio
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

STREAM_TOOL = types.Tool(
    name="stream",
    description="Streams the text back, one word per notification.",
    input_schema={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


async def list_tools(
    context: ServerRequestContext, params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    del context, params
    return types.ListToolsResult(tools=[STREAM_TOOL])


async def call_tool(context: ServerRequestContext, params: types.CallToolRequestParams) -> types.CallToolResult:
    words = (params.arguments or {})["text"].split()
    for index, word in enumerate(words, 1):
        await context.session.report_progress(index, len(words), word)
    return types.CallToolResult(content=[types.TextContent(type="text", text=str(len(words)))])


async def main() -> None:
    server = Server("bench", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
