/* talk.h: what one step says to its server. As a rule that is one request and one answer; some
 * steps say more: a redirect that is followed, a login token fetched first, a webhook sent
 * unsigned too, an MCP session, a poll until something is there.
 *
 * The pump owns the flow, the connection and the clock; a talk decides what goes next:
 *
 *     talk_begin(&talk, step);
 *     while (talk_build(&talk, &ctx, &request, &err)) {      false: the step is an error
 *         ... send; talk_data() for each piece of body where talk_streams(); ...
 *         ... when talk.wake_ms passes in flight: talk_late(), and the transfer is cancelled ...
 *         next = talk_take(&talk, &ctx, &answer, &finding);
 *         TALK_SEND: round again · TALK_WAIT: round again at talk.wake_ms · TALK_DONE: finding says
 *     }
 *     talk_clear(&talk);
 *
 * What kinds of talk there are is one table (talk.c). A kind keeps its own state behind `state`. */
#ifndef SLUICE_SMOKE_TALK_H
#define SLUICE_SMOKE_TALK_H

#include "answer.h"
#include "finding.h"
#include "oauth.h"
#include "redirect.h"
#include "request.h"

#define TALK_EXCHANGES_MAX 200 /* requests of one step in one attempt; one more is an error */

enum talk_next { TALK_DONE, TALK_SEND, TALK_WAIT };

/* What a talk sees of its flow. Borrowed for one call. */
struct talk_ctx {
    const struct suite_step *step;
    struct scope *scope;
    const struct cookie_jar *jar;
    const struct request *request; /* talk_take() only: the one that was answered */
    struct oauth *oauth;           /* the pump's tokens */
    struct secret_set *secrets;    /* NULL: none */
    const char *token;             /* for oauth2; set by talk_build() */
    const char *previous;          /* url of the flow's request before this step, "" at first */
    int64_t wall_ms, now_ms;       /* for signatures and certificates; boot clock */
};

struct talk;

/* One kind of talk. Any but build and take may be NULL. */
struct talk_kind {
    const char *name;
    /* Fills the request to send now, and talk->role. */
    bool (*build)(struct talk *t, const struct talk_ctx *ctx, struct request *out, struct err *err);
    /* Judges the answer. TALK_DONE with a finding that is not a pass ends the step there. */
    enum talk_next (*take)(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                           struct finding *out);
    /* A piece of decoded body, at_us after the request was started. False ends the transfer as
     * whole (response.stopped). */
    bool (*data)(struct talk *t, const char *data, size_t len, int64_t at_us);
    void (*clear)(struct talk *t); /* frees state */
};

struct talk { /* talk_begin(), talk_clear() */
    const struct talk_kind *kind;
    const struct suite_step *step;
    const char *role;         /* static; of the request last built: NULL is the step's own */
    uint32_t said;            /* requests built in this step */
    uint32_t stage;           /* the kind's own */
    int64_t wake_ms;          /* boot clock; INT64_MAX: never. In flight: the answer is late then */
    bool late;                /* it was */
    int64_t until_ms;         /* when polling ends; 0: not begun */
    int64_t pause_ms;         /* the next pause of polling */
    struct redirect redirect; /* of a plain request */
    bool fetching;            /* the request last built is for an access token */
    void *state;              /* the kind's own */
};

/* talk_forge.c: a webhook sent with bad signatures first. */
extern const struct talk_kind talk_forge;
/* stream.c, mcp.c, websocket.c: see there. */
extern const struct talk_kind talk_stream, talk_mcp, talk_websocket;

void talk_begin(struct talk *t, const struct suite_step *step);
bool talk_build(struct talk *t, const struct talk_ctx *ctx, struct request *out,
                struct err *err) SL_MUST_CHECK;
enum talk_next talk_take(struct talk *t, const struct talk_ctx *ctx, struct answer *answer,
                         struct finding *out) SL_MUST_CHECK;
bool talk_streams(const struct talk *t);
bool talk_data(struct talk *t, const char *data, size_t len, int64_t at_us) SL_MUST_CHECK;
void talk_late(struct talk *t);
void talk_clear(struct talk *t);

/* Judges the step's expectations and takes its captures: what a plain step does with its one
 * answer, and other kinds with their last. True when all holds; out says so, too. */
bool talk_judge(const struct talk_ctx *ctx, struct answer *answer, struct finding *out);

#endif
