/* talk_forge.c: a signed webhook that must be refused when it is not signed well. It is sent
 * unsigned, wrongly signed and stale; only then as it should be. */
#include <string.h>

#include "check.h"
#include "talk.h"

/* Stage by stage; the last is the true one. */
static const enum sign_forgery order[] = {SIGN_UNSIGNED, SIGN_WRONG, SIGN_STALE, SIGN_TRUE};

static bool forge_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                        struct err *err)
{
    enum sign_forgery forgery = order[t->stage];
    const struct request_around around = {.previous = ctx->previous,
                                          .jar = ctx->jar,
                                          .wall_ms = ctx->wall_ms,
                                          .forgery = forgery,
                                          .token = ctx->token};

    t->role = forgery == SIGN_TRUE ? NULL : sign_forgery_name(forgery);
    return request_build(out, ctx->scope, &ctx->step->request, &around, err);
}

static void say(const struct talk *t, const struct suite_request *r, uint16_t status,
                struct finding *out)
{
    const char *how = sign_forgery_name(order[t->stage]);

    check_add_statuses(&out->expected, r->rejected_with, r->rejected_with_n);
    buf_addf(&out->met, "%u", status);
    if (status < 300)
        buf_addf(&out->sentence, "the %s webhook was accepted: status %u, expected %s", how, status,
                 buf_str(&out->expected));
    else
        buf_addf(&out->sentence, "the %s webhook was answered with status %u, expected %s%s", how,
                 status, buf_str(&out->expected), status >= 500 ? ": a crash is no refusal" : "");
    if (status == 429) {
        out->throttled = true;
        buf_add_str(&out->sentence, ": the server asks for fewer requests");
    }
    out->verdict = status == 429 ? RUN_ERROR : RUN_FAIL;
    out->at = r->rejects_at;
}

static enum talk_next forge_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                                 struct finding *out)
{
    const struct suite_request *r = &ctx->step->request;

    if (order[t->stage] == SIGN_TRUE) {
        talk_judge(ctx, answer, out);
        return TALK_DONE;
    }
    if (!check_outcome(ctx->step, answer->response, out))
        return TALK_DONE;
    if (!check_has_status(r->rejected_with, r->rejected_with_n, answer->response->status)) {
        say(t, r, answer->response->status, out);
        return TALK_DONE;
    }
    t->stage++;
    if (order[t->stage] == SIGN_STALE && !sign_is_stamped(&r->sign))
        t->stage++;
    return TALK_SEND;
}

const struct talk_kind talk_forge = {
    .name = "forged webhook", .build = forge_build, .take = forge_take};
