/* mcp.c: one visit to an MCP server over streamable HTTP (Model Context Protocol, revision
 * 2025-06-18, "Transports" and "Lifecycle"; JSON-RPC 2.0).
 *
 *   initialize ─► notifications/initialized ─► tools/list, page by page ─► tools/call ─► (DELETE)
 *
 * The session's id and the protocol's version go along as headers. A reply is JSON, or a message in
 * a stream of events, which is left as soon as our reply is there. The expectations of the step
 * look at the `result` of the last call. */
#include <string.h>
#include <strings.h>

#include "check.h"
#include "sluice/json.h"
#include "sse.h"
#include "talk.h"

#define MCP_PAGES_MAX   20
#define MCP_SESSION_MAX 1024 /* bytes of a session id */
#define MCP_CURSOR_MAX  4096

enum stage { STAGE_INITIALIZE, STAGE_INITIALIZED, STAGE_LIST, STAGE_CALL, STAGE_END };

static const char *const stage_names[] = {
    [STAGE_INITIALIZE] = "initialize", [STAGE_INITIALIZED] = "notifications/initialized",
    [STAGE_LIST] = "tools/list",       [STAGE_CALL] = "tools/call",
    [STAGE_END] = "end of session",
};

struct mcp {
    struct sse sse;
    json_t *reply;  /* the message with our id, out of a stream of events */
    bool bad_event; /* an event was no JSON */
    long long id;   /* of the request in flight */
    struct buf session, version, cursor;
    uint32_t pages;
    uint64_t seen; /* bit i: the i-th tool asked for was listed; bit 63: the one that is called */
};

/* ---- requests
 * ------------------------------------------------------------------------------------ */

static void add_text(struct buf *out, const char *s)
{
    json_t *text = json_string(s);

    json_add_compact(out, text);
    json_decref(text);
}

static bool add_params(const struct mcp *m, enum stage stage, const struct talk_ctx *ctx,
                       struct buf *out, struct err *err)
{
    const struct suite_mcp *mcp = ctx->step->mcp;

    switch (stage) {
    case STAGE_INITIALIZE:
        buf_addf(out,
                 "{\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":{\"name\":\"smoke"
                 "\",\"version\":\"1\"}}",
                 mcp->protocol);
        return true;
    case STAGE_LIST:
        buf_add_str(out, "{");
        if (m->cursor.len) {
            buf_add_str(out, "\"cursor\":");
            add_text(out, buf_str(&m->cursor));
        }
        buf_add_str(out, "}");
        return true;
    case STAGE_CALL:
        buf_add_str(out, "{\"name\":");
        add_text(out, mcp->tool);
        buf_add_str(out, ",\"arguments\":");
        if (!mcp->arguments.at)
            buf_add_str(out, "{}");
        else if (!scope_expand_json(ctx->scope, &mcp->arguments, out, err))
            return false;
        buf_add_str(out, "}");
        return true;
    default:
        return true;
    }
}

static bool add_message(struct mcp *m, enum stage stage, const struct talk_ctx *ctx,
                        struct buf *out, struct err *err)
{
    buf_init(out, REQUEST_BODY_MAX);
    if (stage == STAGE_INITIALIZED) {
        buf_add_str(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
        return true;
    }
    m->id++;
    buf_addf(out, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":\"%s\",\"params\":", m->id,
             stage_names[stage]);
    if (!add_params(m, stage, ctx, out, err))
        return false;
    buf_add_str(out, "}");
    return buf_ok(out) ||
           err_set(err, ERR_LIMIT, "the arguments are longer than %zu bytes", REQUEST_BODY_MAX);
}

static bool mcp_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                      struct err *err)
{
    enum stage stage = (enum stage)t->stage;
    struct http_header extra[3] = {{"Accept", "application/json, text/event-stream"}};
    struct buf body SL_CLEANUP(buf_wipe) = {0};
    struct request_around around = {.previous = ctx->previous,
                                    .jar = ctx->jar,
                                    .wall_ms = ctx->wall_ms,
                                    .token = ctx->token,
                                    .extra = extra,
                                    .extra_n = 1};
    struct mcp *m = t->state;

    if (!m)
        t->state = m = x_zalloc(sizeof *m);
    sse_clear(&m->sse);
    json_decref(m->reply);
    m->reply = NULL;
    m->bad_event = false;
    if (m->session.len)
        extra[around.extra_n++] = (struct http_header){"Mcp-Session-Id", buf_str(&m->session)};
    if (m->version.len)
        extra[around.extra_n++] =
            (struct http_header){"MCP-Protocol-Version", buf_str(&m->version)};
    if (stage == STAGE_END) {
        around.method = "DELETE";
    } else {
        if (!add_message(m, stage, ctx, &body, err))
            return false;
        around.json = &body;
    }
    t->role = stage_names[stage];
    return request_build(out, ctx->scope, &ctx->step->request, &around, err);
}

/* ---- replies
 * ------------------------------------------------------------------------------------- */

static bool is_ours(const struct mcp *m, const json_t *message)
{
    const json_t *id = json_object_get(message, "id");

    return json_is_integer(id) && json_integer_value(id) == m->id &&
           !json_object_get(message, "method");
}

/* The message itself, or one of a batch (revision 2025-03-26). Borrowed; NULL: not there. */
static json_t *find_ours(const struct mcp *m, json_t *root)
{
    size_t i;
    json_t *item;

    if (is_ours(m, root))
        return root;
    json_array_foreach(root, i, item) if (is_ours(m, item)) return item;
    return NULL;
}

static bool take_event(void *ctx, const char *event, const char *data, size_t len)
{
    struct mcp *m = ctx;
    struct err err = {0};
    json_t *root, *ours;

    (void)event;
    root = json_parse(data, len, &err);
    m->bad_event |= !root;
    ours = root ? find_ours(m, root) : NULL;
    if (ours && !m->reply)
        m->reply = json_incref(ours);
    json_decref(root);
    return !m->reply;
}

static bool mcp_data(struct talk *t, const char *data, size_t len, int64_t at_us)
{
    struct mcp *m = t->state;

    (void)at_us;
    /* A JSON reply has no line that an event stream would understand, so nothing comes of it. */
    return sse_feed(&m->sse, data, len, take_event, m) || (!m->reply && !m->sse.over);
}

static bool fails(const struct talk *t, const struct talk_ctx *ctx, struct finding *out,
                  const char *fmt, ...) SL_PRINTF(4, 5);

static bool fails(const struct talk *t, const struct talk_ctx *ctx, struct finding *out,
                  const char *fmt, ...)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    buf_addf(&out->sentence, "%s: %s", stage_names[t->stage], buf_str(&text));
    out->verdict = RUN_FAIL;
    out->at = ctx->step->mcp->at;
    return false;
}

/* error.code and error.message (JSON-RPC 2.0 section 5.1). */
static bool say_error(const struct talk *t, const struct talk_ctx *ctx, const json_t *error,
                      struct finding *out)
{
    const json_t *code = json_object_get(error, "code");
    const char *message = json_string_value(json_object_get(error, "message"));

    fails(t, ctx, out, "the server answers with JSON-RPC error %lld",
          (long long)json_integer_value(code));
    if (message) {
        buf_add_str(&out->sentence, ", '");
        finding_add_shown(&out->sentence, ctx->scope->secrets, message, strlen(message));
        buf_add_char(&out->sentence, '\'');
    }
    return false;
}

/* The `result` of our request; NULL with out filled. Borrowed from m->reply. */
static json_t *take_result(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                           struct finding *out)
{
    struct mcp *m = t->state;
    const char *version;
    json_t *error, *result;

    if (!m->reply && answer_json(answer))
        m->reply = json_incref(find_ours(m, answer->json));
    if (!m->reply) {
        fails(t, ctx, out, "%s",
              m->sse.over    ? "an event is longer than 256 KiB"
              : answer->json ? "the answer is JSON, but no reply to this request (its id)"
              : m->bad_event ? "the stream of events has one that is not JSON, and no reply"
              : m->sse.begun && answer->response->body.len
                  ? "there is no reply in the answer: neither JSON nor an event with our id"
                  : "the answer is empty");
        return NULL;
    }
    version = json_string_value(json_object_get(m->reply, "jsonrpc"));
    error = json_object_get(m->reply, "error");
    result = json_object_get(m->reply, "result");
    if (!version || strcmp(version, "2.0") != 0)
        fails(t, ctx, out, "the reply does not say \"jsonrpc\": \"2.0\"");
    else if (error)
        say_error(t, ctx, error, out);
    else if (!json_is_object(result))
        fails(t, ctx, out, "the reply has neither a result nor an error");
    else
        return result;
    return NULL;
}

static bool keep(struct buf *out, const char *value, size_t max)
{
    buf_reset(out);
    if (!value || strlen(value) > max)
        return false;
    buf_add_str(out, value);
    return true;
}

/* Version and session (Lifecycle, "Version Negotiation"; Transports, "Session Management"). */
static bool take_initialize(struct talk *t, const struct talk_ctx *ctx, const json_t *result,
                            const struct http_response *r, struct finding *out)
{
    static const char *const known[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
    const char *version = json_string_value(json_object_get(result, "protocolVersion"));
    const char *session = http_response_find(r, "Mcp-Session-Id");
    struct mcp *m = t->state;

    if (!version)
        return fails(t, ctx, out, "the result has no protocolVersion");
    if (!json_is_object(json_object_get(result, "serverInfo")))
        return fails(t, ctx, out, "the result has no serverInfo");
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(version, known[i]) == 0)
            keep(&m->version, version, 32);
    if (!m->version.len) {
        fails(t, ctx, out, "the server speaks protocol version '");
        finding_add_shown(&out->sentence, ctx->scope->secrets, version, strlen(version));
        buf_add_str(&out->sentence, "', which is not known here");
        return false;
    }
    if (!session)
        return true;
    for (const char *p = session; *p; p++)
        if (*p < 0x21 || *p > 0x7e)
            return fails(t, ctx, out, "Mcp-Session-Id has bytes other than visible ASCII");
    return keep(&m->session, session, MCP_SESSION_MAX) ||
           fails(t, ctx, out, "Mcp-Session-Id is longer than %d bytes", MCP_SESSION_MAX);
}

static void note_tool(struct mcp *m, const struct suite_mcp *mcp, const char *name)
{
    for (size_t i = 0; i < mcp->tools_n; i++)
        if (strcmp(mcp->tools[i], name) == 0)
            m->seen |= UINT64_C(1) << i;
    if (mcp->tool && strcmp(mcp->tool, name) == 0)
        m->seen |= UINT64_C(1) << 63;
}

static bool judge_tools(const struct talk *t, const struct talk_ctx *ctx, struct finding *out)
{
    const struct suite_mcp *mcp = ctx->step->mcp;
    const struct mcp *m = t->state;

    for (size_t i = 0; i < mcp->tools_n; i++)
        if (!(m->seen >> i & 1))
            return fails(t, ctx, out, "the server has no tool '%s'", mcp->tools[i]);
    return !mcp->tool || m->seen >> 63 ||
           fails(t, ctx, out, "the server has no tool '%s'", mcp->tool);
}

/* *more: another page is to be asked for. */
static bool take_list(struct talk *t, const struct talk_ctx *ctx, const json_t *result, bool *more,
                      struct finding *out)
{
    const json_t *tools = json_object_get(result, "tools"), *tool;
    const char *cursor = json_string_value(json_object_get(result, "nextCursor"));
    struct mcp *m = t->state;
    size_t i;

    if (!json_is_array(tools))
        return fails(t, ctx, out, "the result has no list of tools");
    json_array_foreach((json_t *)(uintptr_t)tools, i, tool)
    {
        const char *name = json_string_value(json_object_get(tool, "name"));

        if (!name)
            return fails(t, ctx, out, "tool %zu of the list has no name", i + 1);
        note_tool(m, ctx->step->mcp, name);
    }
    *more = cursor && *cursor;
    if (!*more)
        return judge_tools(t, ctx, out);
    if (++m->pages == MCP_PAGES_MAX)
        return fails(t, ctx, out, "the list of tools has more than %d pages", MCP_PAGES_MAX);
    return keep(&m->cursor, cursor, MCP_CURSOR_MAX) ||
           fails(t, ctx, out, "nextCursor is longer than %d bytes", MCP_CURSOR_MAX);
}

static bool judge_status(const struct talk *t, const struct talk_ctx *ctx,
                         const struct http_response *r, struct finding *out)
{
    bool notice = t->stage == STAGE_INITIALIZED;

    if (notice ? r->status >= 200 && r->status < 300 : r->status == 200)
        return true;
    fails(t, ctx, out, "status is %u, expected %s", r->status, notice ? "202" : "200");
    if (r->status == 429) {
        out->verdict = RUN_ERROR;
        out->throttled = true;
    }
    return false;
}

/* The step's expectations, on the result. What they say of the status is for this last answer. */
static enum talk_next judge_last(struct talk *t, const struct talk_ctx *ctx,
                                 const struct answer *answer, json_t *result, struct finding *out)
{
    struct mcp *m = t->state;
    struct answer inner = {.response = answer->response,
                           .url = answer->url,
                           .wall_ms = answer->wall_ms,
                           .json = json_incref(result),
                           .json_tried = true};
    bool ok = talk_judge(ctx, &inner, out);

    answer_clear(&inner);
    if (!ok || !m->session.len)
        return TALK_DONE;
    t->stage = STAGE_END; /* a polite goodbye, whose answer is not judged */
    return TALK_SEND;
}

static enum talk_next mcp_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                               struct finding *out)
{
    const struct suite_mcp *mcp = ctx->step->mcp;
    const struct http_response *r = answer->response;
    bool more = false;
    json_t *result;

    if (t->stage == STAGE_END)
        return TALK_DONE;
    if (!check_outcome(ctx->step, r, out) || !judge_status(t, ctx, r, out))
        return TALK_DONE;
    if (t->stage == STAGE_INITIALIZED) {
        t->stage = STAGE_LIST;
        return TALK_SEND;
    }
    result = take_result(t, ctx, answer, out);
    if (!result)
        return TALK_DONE;
    switch (t->stage) {
    case STAGE_INITIALIZE:
        if (!take_initialize(t, ctx, result, r, out))
            return TALK_DONE;
        t->stage = STAGE_INITIALIZED;
        return TALK_SEND;
    case STAGE_LIST:
        if (!take_list(t, ctx, result, &more, out))
            return TALK_DONE;
        if (!more && !mcp->tool)
            return judge_last(t, ctx, answer, result, out);
        t->stage = more ? STAGE_LIST : STAGE_CALL;
        return TALK_SEND;
    default:
        return judge_last(t, ctx, answer, result, out);
    }
}

static void mcp_clear(struct talk *t)
{
    struct mcp *m = t->state;

    if (!m)
        return;
    sse_clear(&m->sse);
    json_decref(m->reply);
    buf_wipe(&m->session);
    buf_clear(&m->version);
    buf_clear(&m->cursor);
    free(m);
}

const struct talk_kind talk_mcp = {
    .name = "mcp", .build = mcp_build, .take = mcp_take, .data = mcp_data, .clear = mcp_clear};
