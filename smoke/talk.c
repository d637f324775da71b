/* talk.c: the kinds of talk, and what all of them have in common. */
#include "talk.h"

#include <assert.h>

#include "capture.h"
#include "check.h"

/* ---- a plain step: one request, one answer
 * ------------------------------------------------------------------------------------- */

static bool plain_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                        struct err *err)
{
    struct request_around around = {
        .previous = ctx->previous, .jar = ctx->jar, .wall_ms = ctx->wall_ms, .token = ctx->token};

    t->role = NULL;
    if (t->redirect.to.len) {
        t->role = "redirect";
        around.url = buf_str(&t->redirect.to);
        around.bare = t->redirect.bare;
        around.no_body = t->redirect.no_body;
        around.method = t->redirect.method;
    }
    return request_build(out, ctx->scope, &ctx->step->request, &around, err);
}

static enum talk_next plain_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                                 struct finding *out)
{
    if (redirect_take(&t->redirect, ctx->step, ctx->request, answer, ctx->scope, out))
        return TALK_SEND;
    if (out->verdict == RUN_PASS) /* it may be one that must not be followed */
        talk_judge(ctx, answer, out);
    return TALK_DONE;
}

static const struct talk_kind plain = {.name = "request", .build = plain_build, .take = plain_take};

#define UNTIL_PAUSE_MS_MAX 60000

/* ---- all kinds
 * ------------------------------------------------------------------------------------- */

static const struct talk_kind *kind_of(const struct suite_step *step)
{
    return step->mcp                  ? &talk_mcp
           : step->websocket          ? &talk_websocket
           : step->request.rejects_at ? &talk_forge
           : step->expect.stream      ? &talk_stream
                                      : &plain;
}

void talk_begin(struct talk *t, const struct suite_step *step)
{
    *t = (struct talk){.kind = kind_of(step), .step = step, .wake_ms = INT64_MAX};
}

bool talk_build(struct talk *t, const struct talk_ctx *ctx, struct request *out, struct err *err)
{
    struct talk_ctx with = *ctx;

    if (t->said == TALK_EXCHANGES_MAX)
        return err_set(err, ERR_LIMIT, "the step took more than %d requests", TALK_EXCHANGES_MAX);
    t->said++;
    if (t->until_ms == 0) {
        t->until_ms = ctx->now_ms + ctx->step->until_ms;
        t->pause_ms = ctx->step->until_every_ms;
    }
    t->late = false;
    t->wake_ms = INT64_MAX;
    t->fetching = false;
    if (ctx->step->request.auth == SUITE_AUTH_OAUTH2) {
        with.token = oauth_find(ctx->oauth, ctx->scope, ctx->step->request.oauth2, ctx->now_ms);
        if (!with.token) {
            t->fetching = true;
            t->role = "token";
            return oauth_build(out, ctx->scope, ctx->step->request.oauth2, err);
        }
    }
    return t->kind->build(t, &with, out, err);
}

/* The step from its beginning, but for what polling knows. */
static void start_over(struct talk *t)
{
    struct talk fresh = {.kind = t->kind,
                         .step = t->step,
                         .wake_ms = INT64_MAX,
                         .said = t->said,
                         .until_ms = t->until_ms,
                         .pause_ms = t->pause_ms};

    if (t->kind->clear)
        t->kind->clear(t);
    redirect_clear(&t->redirect);
    *t = fresh;
}

/* `until:` asks again, after a pause, while what was judged does not hold. */
static enum talk_next poll_again(struct talk *t, const struct talk_ctx *ctx, enum talk_next next,
                                 struct finding *out)
{
    const struct suite_step *step = ctx->step;

    if (next != TALK_DONE || out->verdict == RUN_PASS || step->until_ms == 0)
        return next;
    if (ctx->now_ms + t->pause_ms > t->until_ms || t->said >= TALK_EXCHANGES_MAX) {
        struct buf text SL_CLEANUP(buf_clear) = {0};

        buf_addf(&text, "after %u requests in ", t->said);
        text_format_duration(&text, step->until_ms - (t->until_ms - ctx->now_ms));
        buf_addf(&text, ": %s", buf_str(&out->sentence));
        buf_reset(&out->sentence);
        buf_add_str(&out->sentence, buf_str(&text));
        return TALK_DONE;
    }
    finding_clear(out);
    start_over(t);
    t->wake_ms = ctx->now_ms + t->pause_ms;
    t->pause_ms = (int64_t)((double)t->pause_ms * step->until_backoff);
    if (t->pause_ms > UNTIL_PAUSE_MS_MAX)
        t->pause_ms = UNTIL_PAUSE_MS_MAX;
    return TALK_WAIT;
}

enum talk_next talk_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                         struct finding *out)
{
    t->wake_ms = INT64_MAX;
    if (t->fetching)
        return oauth_take(ctx->oauth, ctx->scope, ctx->step->request.oauth2, answer, ctx->secrets,
                          ctx->now_ms, out)
                   ? TALK_SEND
                   : TALK_DONE;
    return poll_again(t, ctx, t->kind->take(t, ctx, answer, out), out);
}

bool talk_streams(const struct talk *t)
{
    return t->kind->data != NULL && !t->fetching;
}

bool talk_data(struct talk *t, const char *data, size_t len, int64_t at_us)
{
    assert(t->kind->data);
    return t->kind->data(t, data, len, at_us);
}

void talk_late(struct talk *t)
{
    t->late = true;
    t->wake_ms = INT64_MAX;
}

void talk_clear(struct talk *t)
{
    redirect_clear(&t->redirect);
    if (t->kind && t->kind->clear)
        t->kind->clear(t);
    *t = (struct talk){0};
}

static bool check_version(const struct suite_step *step, const struct answer *answer,
                          struct finding *out)
{
    if (step->request.http != SUITE_HTTP_2 || answer->response->version == 20)
        return true;
    buf_addf(&out->met, "HTTP/1.%u", answer->response->version % 10);
    buf_add_str(&out->expected, "HTTP/2");
    buf_addf(&out->sentence, "the answer came over %s, expected HTTP/2", buf_str(&out->met));
    out->verdict = RUN_FAIL;
    out->at = step->request.at;
    return false;
}

/* A step's `warn:`, judged like any expectation, but what is not met is only told. */
static void warn(const struct talk_ctx *ctx, struct answer *answer, struct finding *out)
{
    struct finding soft SL_CLEANUP(finding_clear) = {0};
    struct suite_step step = *ctx->step;

    if (!step.expect.warn)
        return;
    step.expect = *ctx->step->expect.warn;
    if (check_eval(&step, ctx->scope, answer, &soft))
        return;
    buf_add_str(&out->warning, buf_str(&soft.sentence));
    out->warning_at = soft.at;
}

bool talk_judge(const struct talk_ctx *ctx, struct answer *answer, struct finding *out)
{
    const struct suite_step *step = ctx->step;
    bool ok = check_eval(step, ctx->scope, answer, out) && check_version(step, answer, out);

    for (size_t i = 0; ok && i < step->captures_n; i++)
        ok = capture_take(&step->captures[i], answer, &ctx->scope->values[step->captures[i].slot],
                          out);
    if (ok)
        warn(ctx, answer, out);
    return ok;
}
