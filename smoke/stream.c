/* stream.c: an answer that comes in events, server-sent or as lines of JSON: when they come, how
 * many, and what they say together. */
#include <string.h>
#include <strings.h>

#include "check.h"
#include "predicate.h"
#include "sluice/json.h"
#include "sse.h"
#include "talk.h"

#define STREAM_TEXT_MAX ((size_t)256 * 1024) /* of the joined text */

struct stream {
    const struct suite_stream *expect;
    struct talk *talk;
    struct sse sse;
    struct buf line; /* of JSON lines */
    struct buf text, last;
    uint64_t count;
    uint64_t bad_line; /* from 1; 0: none. The first that is no JSON, or did not hold `each` */
    struct finding bad;
    struct scope *scope;
    int64_t sent_ms, at_us;
    bool ended; /* the last event came, or as many as are read */
};

static const char *event_word(const struct suite_stream *e)
{
    return e->json_lines ? "line" : "event";
}

static void add_said(struct stream *s, const json_t *root, const char *data, size_t len)
{
    const json_t *value;

    if (!s->expect->pointer) {
        buf_add(&s->text, data, len);
        return;
    }
    value = root ? json_pointer_get(root, s->expect->pointer) : NULL;
    if (json_is_string(value))
        buf_add(&s->text, json_string_value(value), json_string_length(value));
    else if (value && !json_is_null(value))
        json_add_compact(&s->text, value);
}

static bool is_last(const struct stream *s, const char *data, size_t len)
{
    struct buf want SL_CLEANUP(buf_wipe) = {0};
    struct err err = {0};

    return s->expect->last.text &&
           scope_expand(s->scope, &s->expect->last.tpl, &want, NULL, &err) && want.len == len &&
           memcmp(buf_str(&want), data, len) == 0;
}

/* Every event has to hold these. */
static void judge_each(struct stream *s, const json_t *root)
{
    for (size_t i = 0; i < s->expect->each_n && !s->bad_line; i++)
        if (!predicate_target(&s->expect->each[i], s->scope, root, &s->bad))
            s->bad_line = s->count;
}

static void judge_one(struct stream *s, const char *data, size_t len)
{
    const struct suite_stream *e = s->expect;
    struct err why = {0};
    json_t *root = NULL;

    if (e->pointer || e->each_n || e->json_lines)
        root = json_parse(data, len, &why);
    if (!root && (e->json_lines || e->each_n) && !s->bad_line) {
        s->bad_line = s->count;
        s->bad.verdict = RUN_FAIL;
        s->bad.at = e->at;
        buf_add_str(&s->bad.sentence, "it is not JSON: ");
        finding_add_shown(&s->bad.sentence, s->scope->secrets, data, len);
    } else {
        judge_each(s, root);
    }
    add_said(s, root, data, len);
    json_decref(root);
}

static bool take_event(void *ctx, const char *event, const char *data, size_t len)
{
    struct stream *s = ctx;
    const struct suite_stream *e = s->expect;

    if (e->event && strcmp(e->event, event) != 0)
        return true;
    s->count++;
    s->talk->wake_ms = e->between_ms ? s->sent_ms + s->at_us / 1000 + e->between_ms : INT64_MAX;
    buf_reset(&s->last);
    buf_add(&s->last, data, len);
    if (is_last(s, data, len))
        s->ended = true;
    else
        judge_one(s, data, len);
    s->ended |= e->stop_after && s->count >= e->stop_after;
    return !s->ended;
}

static bool feed_lines(struct stream *s, const char *data, size_t len)
{
    const char *end = data + len;

    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        size_t n = newline ? (size_t)(newline - data) : (size_t)(end - data);

        buf_add(&s->line, data, n);
        data += n + (newline != NULL);
        if (!newline)
            break;
        if (s->line.len && s->line.data[s->line.len - 1] == '\r')
            buf_cut(&s->line, s->line.len - 1);
        if (s->line.len && !take_event(s, "message", s->line.data, s->line.len))
            return false;
        buf_reset(&s->line);
    }
    return buf_ok(&s->line);
}

static bool stream_data(struct talk *t, const char *data, size_t len, int64_t at_us)
{
    struct stream *s = t->state;

    s->at_us = at_us;
    if (s->expect->json_lines)
        return feed_lines(s, data, len);
    return sse_feed(&s->sse, data, len, take_event, s);
}

static bool stream_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                         struct err *err)
{
    static const struct http_header accept[] = {{"Accept", "text/event-stream"}};
    struct stream *s = t->state;
    struct request_around around = {
        .previous = ctx->previous, .jar = ctx->jar, .wall_ms = ctx->wall_ms, .token = ctx->token};

    if (!s) {
        t->state = s = x_zalloc(sizeof *s);
        s->talk = t;
        s->expect = ctx->step->expect.stream;
        buf_init(&s->line, SSE_EVENT_BYTES_MAX);
        buf_init(&s->last, SSE_EVENT_BYTES_MAX);
        buf_init(&s->text, STREAM_TEXT_MAX);
    }
    s->scope = ctx->scope;
    s->sent_ms = ctx->now_ms;
    if (s->expect->first_ms)
        t->wake_ms = ctx->now_ms + s->expect->first_ms;
    if (!s->expect->json_lines) {
        around.extra = accept;
        around.extra_n = ARRAY_LEN(accept);
    }
    t->role = NULL;
    return request_build(out, ctx->scope, &ctx->step->request, &around, err);
}

/* ---- judging
 * ------------------------------------------------------------------------------------ */

static bool fails(struct finding *out, const struct doc_node *at)
{
    out->verdict = RUN_FAIL;
    out->at = at;
    return false;
}

static bool say_late(const struct stream *s, struct finding *out)
{
    const struct suite_stream *e = s->expect;

    if (s->count == 0) {
        buf_addf(&out->sentence, "no %s came within ", event_word(e));
        text_format_duration(&out->sentence, e->first_ms);
        return fails(out, e->first_at);
    }
    buf_addf(&out->sentence, "nothing came for ");
    text_format_duration(&out->sentence, e->between_ms);
    buf_addf(&out->sentence, " after %s %llu", event_word(e), (unsigned long long)s->count);
    return fails(out, e->between_at);
}

static bool judge_type(const struct stream *s, const struct http_response *r, struct finding *out)
{
    const char *type = http_response_find(r, "Content-Type");

    if (s->expect->json_lines ||
        (type && strncasecmp(type, "text/event-stream", 17) == 0 && strchr("; \t", type[17])))
        return true;
    buf_add_str(&out->sentence, "the answer is no event stream: its Content-Type is ");
    if (type)
        finding_add_shown(&out->sentence, s->scope->secrets, type, strlen(type));
    else
        buf_add_str(&out->sentence, "missing");
    return fails(out, s->expect->at);
}

static bool judge_ceilings(const struct stream *s, struct finding *out)
{
    if (!s->sse.over && buf_ok(&s->line) && buf_ok(&s->text))
        return true;
    buf_addf(&out->sentence, "an event, or the text of all, is longer than %zu bytes",
             SSE_EVENT_BYTES_MAX);
    out->verdict = RUN_ERROR;
    out->at = s->expect->at;
    return false;
}

static bool judge_count(const struct stream *s, struct finding *out)
{
    const struct suite_stream *e = s->expect;

    if (s->count >= e->low && s->count <= e->high)
        return true;
    buf_addf(&out->met, "%llu", (unsigned long long)s->count);
    if (e->low == e->high)
        buf_addf(&out->expected, "%u", e->low);
    else if (s->count < e->low)
        buf_addf(&out->expected, "at least %u", e->low);
    else
        buf_addf(&out->expected, "at most %u", e->high);
    buf_addf(&out->sentence, "%s %ss came, expected %s", buf_str(&out->met), event_word(e),
             buf_str(&out->expected));
    return fails(out, e->count_at ? e->count_at : e->at);
}

static bool judge_bad(struct stream *s, struct finding *out)
{
    if (!s->bad_line)
        return true;
    buf_addf(&out->sentence, "%s %llu: %s", event_word(s->expect), (unsigned long long)s->bad_line,
             buf_str(&s->bad.sentence));
    buf_add_str(&out->met, buf_str(&s->bad.met));
    buf_add_str(&out->expected, buf_str(&s->bad.expected));
    out->verdict = s->bad.verdict;
    out->at = s->bad.at;
    return false;
}

static bool judge_last(const struct stream *s, struct finding *out)
{
    const struct suite_stream *e = s->expect;

    if (!e->last.text || is_last(s, buf_str(&s->last), s->last.len))
        return true;
    if (s->ended) /* stop_after came first */
        return true;
    buf_addf(&out->sentence, "the stream ended after %llu %ss without '",
             (unsigned long long)s->count, event_word(e));
    finding_add_shown(&out->sentence, s->scope->secrets, e->last.text, strlen(e->last.text));
    buf_add_char(&out->sentence, '\'');
    if (s->count) {
        buf_add_str(&out->sentence, "; the last is '");
        finding_add_shown(&out->sentence, s->scope->secrets, buf_str(&s->last), s->last.len);
        buf_add_char(&out->sentence, '\'');
    }
    return fails(out, e->last.at);
}

static bool judge_text(const struct stream *s, struct finding *out)
{
    const struct suite_stream *e = s->expect;

    for (size_t i = 0; i < e->text_n; i++)
        if (!predicate_text(&e->text[i], s->scope, "the joined text", buf_str(&s->text),
                            s->text.len, false, out))
            return false;
    return true;
}

static enum talk_next stream_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                                  struct finding *out)
{
    struct stream *s = t->state;
    const struct http_response *r = answer->response;

    s->scope = ctx->scope;
    if (t->late && r->outcome == HTTP_CANCELLED) {
        say_late(s, out);
        return TALK_DONE;
    }
    if (s->line.len && r->outcome == HTTP_OK && buf_ok(&s->line)) /* a last line without newline */
        take_event(s, "message", s->line.data, s->line.len);
    if (talk_judge(ctx, answer, out) && judge_type(s, r, out) && judge_ceilings(s, out) &&
        judge_bad(s, out) && judge_last(s, out) && judge_count(s, out))
        judge_text(s, out);
    return TALK_DONE;
}

static void stream_clear(struct talk *t)
{
    struct stream *s = t->state;

    if (!s)
        return;
    sse_clear(&s->sse);
    finding_clear(&s->bad);
    buf_clear(&s->line);
    buf_clear(&s->text);
    buf_clear(&s->last);
    free(s);
}

const struct talk_kind talk_stream = {.name = "stream",
                                      .build = stream_build,
                                      .take = stream_take,
                                      .data = stream_data,
                                      .clear = stream_clear};
