/* suite_talk.c: compiles what is more than one request and one answer: MCP, WebSocket, streams. */
#include <string.h>

#include "sluice/json.h"
#include "sluice/text.h"
#include "suite_file.h"

bool suite_build_mcp(struct suite_builder *b, const struct file_mcp *file, struct suite_step *out)
{
    struct suite_mcp *mcp = arena_array(&b->suite->mem, 1, sizeof *mcp);
    struct file_request request = {.at = file->at,
                                   .headers = file->headers,
                                   .headers_n = file->headers_n,
                                   .cookies = file->cookies,
                                   .cookies_n = file->cookies_n,
                                   .auth = file->auth,
                                   .transport = file->transport};

    request.url[SUITE_POST] = file->url;
    *mcp = (struct suite_mcp){.at = file->at,
                              .tool = file->tool,
                              .tools = file->tools,
                              .tools_n = file->tools_n,
                              .protocol = file->protocol};
    out->mcp = mcp;
    if (strspn(mcp->protocol, "0123456789-") != strlen(mcp->protocol))
        return doc_fail(file->protocol_at, b->err, ERR_FILE,
                        "'protocol' expects a version like 2025-06-18");
    if (file->arguments && !file->tool)
        return doc_fail(file->arguments, b->err, ERR_FILE, "'arguments' needs 'tool' beside it");
    if (file->arguments && file->arguments->kind != DOC_MAP)
        return doc_fail(file->arguments, b->err, ERR_FILE, "'arguments' expects a map, not %s",
                        doc_kind_name(file->arguments));
    return suite_build_request(b, &request, &out->request) &&
           (!file->arguments || suite_build_json(b, file->arguments, &mcp->arguments));
}

/* ws: and wss: are what people write; http: and https: are what is asked (RFC 6455 section 3). */
static const char *http_form(struct suite_builder *b, const char *url)
{
    if (text_starts_with(url, "ws://") || text_starts_with(url, "wss://"))
        return arena_printf(&b->suite->mem, "http%s", url + 2);
    return url;
}

bool suite_build_websocket(struct suite_builder *b, const struct file_websocket *file,
                           struct suite_step *out)
{
    struct suite_websocket *ws = arena_array(&b->suite->mem, 1, sizeof *ws);
    struct buf list SL_CLEANUP(buf_clear) = {0};
    struct file_request request = {.at = file->at,
                                   .headers = file->headers,
                                   .headers_n = file->headers_n,
                                   .cookies = file->cookies,
                                   .cookies_n = file->cookies_n,
                                   .auth = file->auth,
                                   .transport = file->transport};

    request.url[SUITE_GET] = file->url;
    request.url[SUITE_GET].text = http_form(b, file->url.text);
    for (size_t i = 0; i < file->protocols_n; i++) {
        if (strcspn(file->protocols[i], " ,;\"") != strlen(file->protocols[i]))
            return doc_fail(file->at, b->err, ERR_FILE, "'%.80s' cannot be the name of a protocol",
                            file->protocols[i]);
        buf_addf(&list, "%s%s", i ? ", " : "", file->protocols[i]);
    }
    *ws = (struct suite_websocket){.at = file->at, .origin = file->origin};
    if (list.len)
        ws->protocols = arena_strdup(&b->suite->mem, buf_str(&list));
    out->websocket = ws;
    return suite_build_request(b, &request, &out->request) && suite_build_text(b, &ws->origin);
}

/* ---- streams
 * ------------------------------------------------------------------------------------- */

static bool build_text(struct suite_builder *b, const struct file_stream_text *file,
                       struct suite_stream *out)
{
    struct err why = {0};

    if (!file)
        return true;
    out->pointer = file->pointer;
    if (file->pointer && !json_pointer_check(file->pointer, &why))
        return doc_fail(file->pointer_at, b->err, ERR_FILE, "%s", why.text);
    return suite_build_tests(b, &file->tests, false, &out->text, &out->text_n);
}

bool suite_build_stream(struct suite_builder *b, const struct file_expect *expect,
                        struct suite_expect *out)
{
    const struct file_stream *file = expect->sse ? expect->sse : expect->json_lines;
    struct suite_stream *stream;

    if (!file)
        return true;
    if (expect->sse && expect->json_lines)
        return doc_fail(expect->at, b->err, ERR_FILE,
                        "an answer is either 'sse' or 'json_lines', not both");
    stream = arena_array(&b->suite->mem, 1, sizeof *stream);
    *stream = (struct suite_stream){.at = file->at,
                                    .json_lines = expect->json_lines != NULL,
                                    .first_ms = file->first_ms,
                                    .between_ms = file->between_ms,
                                    .first_at = file->first_at,
                                    .between_at = file->between_at,
                                    .count_at = file->count,
                                    .low = 1,
                                    .high = UINT32_MAX,
                                    .event = file->event,
                                    .last = file->last,
                                    .stop_after = file->stop_after};
    out->stream = stream;
    if (file->count && !suite_build_range(b, file->count, "count", &stream->low, &stream->high))
        return false;
    return build_text(b, file->text, stream) && suite_build_text(b, &stream->last) &&
           suite_build_targets(b, file->each, file->each_n, true, &stream->each, &stream->each_n);
}
