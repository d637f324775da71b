/* websocket.c: the opening handshake of a WebSocket (RFC 6455 section 4.1), and no more: a service
 * that answers it is there, routes it, and let us in. */
#include <string.h>
#include <strings.h>

#include "check.h"
#include "sluice/crypto.h"
#include "talk.h"

struct websocket {
    struct buf key;
};

static bool websocket_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                            struct err *err)
{
    const struct suite_websocket *ws = ctx->step->websocket;
    struct http_header extra[6] = {
        {"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    struct buf origin SL_CLEANUP(buf_wipe) = {0};
    struct request_around around = {.previous = ctx->previous,
                                    .jar = ctx->jar,
                                    .wall_ms = ctx->wall_ms,
                                    .token = ctx->token,
                                    .extra = extra,
                                    .extra_n = 3};
    struct websocket *state = t->state;
    unsigned char raw[16];

    if (!state)
        t->state = state = x_zalloc(sizeof *state);
    crypto_random(raw, sizeof raw);
    buf_reset(&state->key);
    text_add_base64(&state->key, raw, sizeof raw);
    extra[around.extra_n++] = (struct http_header){"Sec-WebSocket-Key", buf_str(&state->key)};
    if (ws->protocols)
        extra[around.extra_n++] = (struct http_header){"Sec-WebSocket-Protocol", ws->protocols};
    if (ws->origin.text) {
        if (!scope_expand(ctx->scope, &ws->origin.tpl, &origin, NULL, err))
            return false;
        extra[around.extra_n++] = (struct http_header){"Origin", buf_str(&origin)};
    }
    t->role = NULL;
    if (!request_build(out, ctx->scope, &ctx->step->request, &around, err))
        return false;
    out->upgrade = true;
    return true;
}

static bool fails(const struct talk_ctx *ctx, struct finding *out)
{
    out->verdict = RUN_FAIL;
    out->at = ctx->step->websocket->at;
    return false;
}

/* base64(SHA-1(key + the GUID of RFC 6455 section 1.3)) */
static void add_accept(struct buf *out, const struct buf *key)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    uint8_t digest[CRYPTO_SHA1_BYTES];

    buf_addf(&text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", buf_str(key));
    crypto_sha1(text.data, text.len, digest);
    text_add_base64(out, digest, sizeof digest);
}

static bool judge_accept(const struct talk_ctx *ctx, const struct websocket *state,
                         const struct http_response *r, struct finding *out)
{
    const char *accept = http_response_find(r, "Sec-WebSocket-Accept");
    const char *upgrade = http_response_find(r, "Upgrade");
    struct buf want SL_CLEANUP(buf_clear) = {0};

    if (!upgrade || strcasecmp(upgrade, "websocket") != 0) {
        buf_add_str(&out->sentence, "the answer switches protocols, but not to websocket");
        return fails(ctx, out);
    }
    add_accept(&want, &state->key);
    if (accept && strcmp(accept, buf_str(&want)) == 0)
        return true;
    buf_add_str(&out->sentence,
                accept ? "Sec-WebSocket-Accept does not belong to the key that was sent"
                       : "Sec-WebSocket-Accept is missing");
    return fails(ctx, out);
}

static bool is_offered(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; p; p = strchr(p, ',')) {
        p += strspn(p, ", ");
        if (strncmp(p, name, n) == 0 && strchr(", ", p[n]))
            return n > 0;
    }
    return false;
}

static bool judge_protocol(const struct talk_ctx *ctx, const struct http_response *r,
                           struct finding *out)
{
    const char *offered = ctx->step->websocket->protocols;
    const char *chosen = http_response_find(r, "Sec-WebSocket-Protocol");

    if (!chosen && !offered)
        return true;
    if (chosen && offered && is_offered(offered, chosen))
        return true;
    if (!chosen) {
        buf_addf(&out->sentence, "the server chose none of the protocols offered (%s)", offered);
    } else {
        buf_add_str(&out->sentence, "the server chose the protocol '");
        finding_add_shown(&out->sentence, ctx->scope->secrets, chosen, strlen(chosen));
        buf_add_str(&out->sentence, "', which was not offered");
    }
    return fails(ctx, out);
}

static enum talk_next websocket_take(struct talk *t, const struct talk_ctx *ctx,
                                     struct answer *answer, struct finding *out)
{
    if (talk_judge(ctx, answer, out) && answer->response->status == 101 &&
        judge_accept(ctx, t->state, answer->response, out))
        judge_protocol(ctx, answer->response, out);
    return TALK_DONE;
}

static void websocket_clear(struct talk *t)
{
    struct websocket *state = t->state;

    if (state)
        buf_clear(&state->key);
    free(state);
}

const struct talk_kind talk_websocket = {.name = "websocket",
                                         .build = websocket_build,
                                         .take = websocket_take,
                                         .clear = websocket_clear};
