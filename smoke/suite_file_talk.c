/* suite_file_talk.c: the tables of `mcp:`, `websocket:` and of streamed answers. */
#include "suite_file.h"

#define TRANSPORT_ROWS(owner)                                                                      \
    {.key = "headers",                                                                             \
     .type = SCHEMA_FREE_MAP,                                                                      \
     SCHEMA_TO(owner, headers),                                                                    \
     SCHEMA_COUNT(owner, headers_n),                                                               \
     .max = 100},                                                                                  \
        {.key = "cookies",                                                                         \
         .type = SCHEMA_FREE_MAP,                                                                  \
         SCHEMA_TO(owner, cookies),                                                                \
         SCHEMA_COUNT(owner, cookies_n),                                                           \
         .max = SUITE_COOKIES_MAX},                                                                \
        {.key = "auth", .type = SCHEMA_MAP_PTR, SCHEMA_TO(owner, auth), .sub = &file_auth_schema}, \
        FILE_TRANSPORT_ROWS(owner)

static const struct schema_field mcp_fields[] = {
    {.key = "url",
     FILE_TEXT(struct file_mcp, url),
     .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE,
     .max = 4096,
     .help = "the server's endpoint, absolute or a path below base_url"},
    {.key = "tool",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_mcp, tool),
     SCHEMA_AT(struct file_mcp, tool_at),
     .flags = SCHEMA_ONE_LINE,
     .max = 255,
     .help = "the tool to call; without one the list of tools is what is judged"},
    {.key = "arguments",
     .type = SCHEMA_NODE,
     SCHEMA_TO(struct file_mcp, arguments),
     .help = "of the call; typed as under json"},
    {.key = "tools",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_mcp, tools),
     SCHEMA_COUNT(struct file_mcp, tools_n),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .min = 1,
     .max = SUITE_MCP_TOOLS_MAX,
     .help = "tools that must be in the list"},
    {.key = "protocol",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_mcp, protocol),
     SCHEMA_AT(struct file_mcp, protocol_at),
     .flags = SCHEMA_ONE_LINE,
     .max = 10,
     .preset = "2025-06-18",
     .help = "the protocol version offered"},
    TRANSPORT_ROWS(struct file_mcp),
};
const struct schema file_mcp_schema = {SCHEMA_TABLE("mcp", struct file_mcp, mcp_fields),
                                       SCHEMA_AT(struct file_mcp, at)};

static const struct schema_field websocket_fields[] = {
    {.key = "url",
     FILE_TEXT(struct file_websocket, url),
     .flags = SCHEMA_REQUIRED | SCHEMA_ONE_LINE,
     .max = 4096,
     .help = "wss://, ws://, https://, http://, or a path below base_url"},
    {.key = "protocols",
     .type = SCHEMA_STRINGS,
     SCHEMA_TO(struct file_websocket, protocols),
     SCHEMA_COUNT(struct file_websocket, protocols_n),
     .flags = SCHEMA_OR_ONE | SCHEMA_ONE_LINE,
     .min = 1,
     .max = 20,
     .help = "subprotocols offered; the server must choose one"},
    {.key = "origin", FILE_TEXT(struct file_websocket, origin), .max = 4096},
    TRANSPORT_ROWS(struct file_websocket),
};
const struct schema file_websocket_schema = {
    SCHEMA_TABLE("websocket", struct file_websocket, websocket_fields),
    SCHEMA_AT(struct file_websocket, at)};

/* ---- streams
 * ------------------------------------------------------------------------------------- */

#define TEXT_TEST(word, op)                                                                        \
    {                                                                                              \
        .key = word, .type = SCHEMA_NODE, SCHEMA_TO(struct file_stream_text, tests.node[op])       \
    }

static const struct schema_field text_fields[] = {
    {.key = "at",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_stream_text, pointer),
     SCHEMA_AT(struct file_stream_text, pointer_at),
     .flags = SCHEMA_EMPTY_OK,
     .max = 1024,
     .help = "where in each event's data: a JSON pointer; the whole data unless said"},
    TEXT_TEST("equals", SUITE_EQUALS),
    TEXT_TEST("contains", SUITE_CONTAINS),
    TEXT_TEST("matches", SUITE_MATCHES),
    TEXT_TEST("starts_with", SUITE_STARTS_WITH),
    TEXT_TEST("ends_with", SUITE_ENDS_WITH),
};
static const struct schema text_schema = {
    SCHEMA_TABLE("stream_text", struct file_stream_text, text_fields),
    SCHEMA_AT(struct file_stream_text, tests.at)};

static bool decode_each(struct schema_ctx *ctx, const struct schema_field *field,
                        const struct doc_node *node, void *out)
{
    struct file_stream *stream = (struct file_stream *)((char *)out - field->offset);

    return file_decode_json_targets(ctx, node, &stream->each, &stream->each_n);
}

#define STREAM_ROWS(first)                                                                         \
    {.key = first,                                                                                 \
     .type = SCHEMA_DURATION,                                                                      \
     SCHEMA_TO(struct file_stream, first_ms),                                                      \
     SCHEMA_AT(struct file_stream, first_at),                                                      \
     .min = 1,                                                                                     \
     .max = 600000,                                                                                \
     .help = "the first comes within this, counted from the start of the request"},                \
        {.key = "between",                                                                         \
         .type = SCHEMA_DURATION,                                                                  \
         SCHEMA_TO(struct file_stream, between_ms),                                                \
         SCHEMA_AT(struct file_stream, between_at),                                                \
         .min = 1,                                                                                 \
         .max = 600000,                                                                            \
         .help = "each further one comes within this"},                                            \
        {.key = "count",                                                                           \
         .type = SCHEMA_NODE,                                                                      \
         SCHEMA_TO(struct file_stream, count),                                                     \
         .help = "how many: a number, or at_least and at_most; at least 1 unless said"},           \
        {.key = "text",                                                                            \
         .type = SCHEMA_MAP_PTR,                                                                   \
         SCHEMA_TO(struct file_stream, text),                                                      \
         .sub = &text_schema,                                                                      \
         .help = "what they say together, the last one left out"},                                 \
        {.key = "each",                                                                            \
         .type = SCHEMA_CUSTOM,                                                                    \
         SCHEMA_TO(struct file_stream, each),                                                      \
         SCHEMA_AT(struct file_stream, each_at),                                                   \
         .hook = decode_each,                                                                      \
         .help = "by JSON pointer, what every one must hold, the last one left out"},              \
        {.key = "last",                                                                            \
         FILE_TEXT(struct file_stream, last),                                                      \
         .max = 4096,                                                                              \
         .help = "the data of the last one; reading stops there"},                                 \
    {                                                                                              \
        .key = "stop_after", .type = SCHEMA_U32, SCHEMA_TO(struct file_stream, stop_after),        \
        .min = 1, .max = 1000000, .help = "reading stops after so many"                            \
    }

static const struct schema_field sse_fields[] = {
    {.key = "event",
     .type = SCHEMA_STRING,
     SCHEMA_TO(struct file_stream, event),
     .flags = SCHEMA_ONE_LINE,
     .max = 255,
     .help = "only events of this name count; an event without one is a 'message'"},
    STREAM_ROWS("first_event"),
};
const struct schema file_sse_schema = {SCHEMA_TABLE("sse", struct file_stream, sse_fields),
                                       SCHEMA_AT(struct file_stream, at)};

static const struct schema_field json_lines_fields[] = {STREAM_ROWS("first_line")};
const struct schema file_json_lines_schema = {
    SCHEMA_TABLE("json_lines", struct file_stream, json_lines_fields),
    SCHEMA_AT(struct file_stream, at)};
