#include "router_route53.h"

#include <stdio.h>
#include <string.h>

#include "denial.h"
#include "sluice/arena.h"
#include "sluice/common.h"

#define GROUP_ITEMS    101 /* a whole group, and the set behind it that ends the listing */
#define PAGE_TRIES_MAX 4   /* of a page after the first: one throttled page need not spoil fifty */
#define PAGE_BUSY_MAX  12  /* ... while the account is used up: beginning anew would only use more of it */
#define PAGE_RETRY_MS  500 /* doubled each time, */
#define PAGE_DOUBLINGS 3   /* so many times */

/* Storage of a listing; router_answer.owner. */
struct listing {
    struct arena mem;
    struct route53_sets sets;
};

struct op {
    struct op *next;
    bool answered;
    uint32_t tries; /* of the page now asked for */
    /* LIST only; owned */
    char *zone_id, *name, *type, *until_name, *until_type;
    bool only_name, only_type, urgent;
    struct listing *listing;
    struct denial_asked asked; /* CHANGE only */
    struct router_answer answer;
};

struct router_route53 {
    struct route53 *client;
    struct op *ops; /* in the order they were asked */
    struct denial_asked allowed; /* what AWS has let through so far */
};

static void listing_free(struct listing *l)
{
    if (!l)
        return;
    route53_sets_clear(&l->sets);
    arena_clear(&l->mem);
    free(l);
}

static void op_free(struct op *op)
{
    listing_free(op->listing);
    free(op->zone_id);
    free(op->name);
    free(op->type);
    free(op->until_name);
    free(op->until_type);
    free(op);
}

static struct op *op_new(struct router_route53 *r, uint32_t op_id, enum router_op kind)
{
    struct op *op = x_zalloc(sizeof *op), **at = &r->ops;

    while (*at)
        at = &(*at)->next;
    *at = op;
    op->answer.op_id = op_id;
    op->answer.op = kind;
    return op;
}

static void change(void *self, uint32_t op_id, const struct router_batch *batch)
{
    struct router_route53 *r = self;
    struct route53_ask ask = {
        .call = ROUTE53_CHANGE_SETS, .id = batch->zone_id, .batch = batch, .urgent = batch->urgent};

    struct op *op = op_new(r, op_id, ROUTER_OP_CHANGE);

    /* Sent first: a rollback waits for nothing. */
    route53_start(r->client, &ask, op);
    denial_ask(&op->asked, batch);
}

static void sync_change(void *self, uint32_t op_id, const char *change_id)
{
    struct router_route53 *r = self;
    struct route53_ask ask = {.call = ROUTE53_GET_CHANGE, .id = change_id};

    route53_start(r->client, &ask, op_new(r, op_id, ROUTER_OP_SYNC));
}

/* Asks for the page that comes after what was read. */
static void ask_page(struct router_route53 *r, struct op *op, int64_t delay_ms)
{
    const struct route53_sets *s = &op->listing->sets;
    struct route53_ask ask = {.call = ROUTE53_LIST_SETS,
                              .id = op->zone_id,
                              .urgent = op->urgent,
                              .max_items = op->only_name && op->only_type ? GROUP_ITEMS : 0,
                              .delay_ms = delay_ms};

    ask.name = s->truncated ? s->next_name : op->name;
    ask.type = s->truncated ? s->next_type : op->type;
    ask.set_id = s->truncated ? s->next_id : NULL;
    route53_start(r->client, &ask, op);
}

static void list(void *self, uint32_t op_id, const struct router_list *want)
{
    struct router_route53 *r = self;
    struct op *op = op_new(r, op_id, ROUTER_OP_LIST);

    op->zone_id = x_strdup(want->zone_id);
    op->name = x_strdup(want->name);
    op->type = x_strdup(want->type);
    op->until_name = x_strdup(want->until_name);
    op->until_type = x_strdup(want->until_type);
    op->only_name = want->only_name && want->name;
    op->only_type = op->only_name && want->only_type && want->type;
    op->urgent = want->urgent;
    op->listing = x_zalloc(sizeof *op->listing);
    ask_page(r, op, 0);
}

static bool wanted(const struct op *op, const struct rrset *s)
{
    const struct rrset until = {.name = op->until_name, .type = op->until_type};
    struct rrset group = *s;

    group.set_id = NULL;
    if (until.name && until.type && rrset_compare(&group, &until) > 0)
        return false;
    return !op->only_name ||
           (rrset_name_eq(s->name, op->name) && (!op->only_type || strcmp(s->type, op->type) == 0));
}

/* A definite status with a body that cannot be read is no definite answer. */
static void unreadable(struct op *op, const struct err *err)
{
    op->answer.outcome = ROUTER_UNKNOWN;
    snprintf(op->answer.code, sizeof op->answer.code, "unreadable");
    snprintf(op->answer.message, sizeof op->answer.message, "%s", err->text);
}

/* Takes in one page. Returns true when another one has to be asked for. */
static bool add_page(struct op *op, const struct route53_reply *reply)
{
    struct route53_sets *s = &op->listing->sets;
    size_t old = s->n;
    struct err err = {0};

    if (!route53_xml_parse_sets(&op->listing->mem, buf_str(&reply->body), reply->body.len, s,
                                &err)) {
        unreadable(op, &err);
        return false;
    }
    for (size_t i = old; i < s->n; i++)
        if (!wanted(op, &s->sets[i])) {
            s->n = i;
            s->truncated = false;
        }
    /* A service that says it goes on but sends nothing would keep us here for ever. */
    if (s->truncated && s->n == old) {
        err_set(&err, ERR_PROTOCOL, "an empty page of a listing that goes on");
        unreadable(op, &err);
        return false;
    }
    return s->truncated;
}

static void take_sets(struct op *op)
{
    op->answer.sets = op->listing->sets.sets;
    op->answer.n_sets = op->listing->sets.n;
    op->answer.owner = op->listing;
    op->listing = NULL;
}

static void take_change(struct op *op, const struct route53_reply *reply)
{
    struct route53_change c;
    struct err err = {0};

    if (!route53_xml_parse_change(buf_str(&reply->body), reply->body.len, &c, &err)) {
        unreadable(op, &err);
        return;
    }
    memcpy(op->answer.change_id, c.id, sizeof op->answer.change_id);
    op->answer.insync = c.insync;
}

static bool try_page_again(struct router_route53 *r, struct op *op,
                           const struct route53_reply *reply)
{
    uint32_t max = reply->outcome == ROUTER_BUSY ? PAGE_BUSY_MAX : PAGE_TRIES_MAX;

    if (op->answer.op != ROUTER_OP_LIST || !op->listing->sets.truncated ||
        (reply->outcome != ROUTER_BUSY && reply->outcome != ROUTER_UNKNOWN) || op->tries + 1 >= max)
        return false;
    ask_page(r, op,
             (int64_t)PAGE_RETRY_MS
                 << (op->tries < PAGE_DOUBLINGS ? op->tries : PAGE_DOUBLINGS));
    op->tries++;
    return true;
}

/* A batch that AWS would not have from us says what of it; one that it let through, or found fault
 * with, was allowed. */
static void note_rights(struct router_route53 *r, struct op *op)
{
    struct router_answer *a = &op->answer;
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (a->outcome == ROUTER_OK || a->outcome == ROUTER_REFUSED)
        denial_allow(&r->allowed, &op->asked);
    if (a->outcome != ROUTER_DENIED || strncmp(a->code, "AccessDenied", 12) != 0)
        return;
    denial_format(&op->asked, &r->allowed, &text);
    buf_addf(&text, "; `sluice iam-policy` prints what is needed; %s", a->message);
    snprintf(a->message, sizeof a->message, "%s", buf_str(&text));
}

static void on_reply(struct router_route53 *r, const struct route53_reply *reply)
{
    struct op *op = reply->ctx;
    struct router_answer *a = &op->answer;

    if (try_page_again(r, op, reply))
        return;
    a->outcome = reply->outcome;
    memcpy(a->code, reply->code, sizeof a->code);
    memcpy(a->message, reply->message, sizeof a->message);
    a->date_ms = reply->date_ms;
    a->signed_ms = reply->signed_ms;
    a->sent_boot_us = reply->sent_boot_us;
    a->done_boot_ms = reply->done_boot_ms;
    if (a->op == ROUTER_OP_CHANGE)
        note_rights(r, op);
    if (reply->outcome == ROUTER_OK && a->op == ROUTER_OP_LIST) {
        if (add_page(op, reply)) {
            op->tries = 0;
            ask_page(r, op, 0);
            return;
        }
        if (a->outcome == ROUTER_OK)
            take_sets(op);
    } else if (reply->outcome == ROUTER_OK) {
        take_change(op, reply);
    }
    op->answered = true;
}

static bool next(void *self, struct router_answer *out)
{
    struct router_route53 *r = self;
    struct route53_reply reply;

    route53_tick(r->client);
    while (route53_next(r->client, &reply)) {
        on_reply(r, &reply);
        route53_reply_clear(&reply);
    }
    for (struct op **at = &r->ops; *at; at = &(*at)->next) {
        struct op *op = *at;

        if (!op->answered)
            continue;
        *at = op->next;
        *out = op->answer;
        op_free(op);
        return true;
    }
    return false;
}

static void release(void *self, struct router_answer *answer)
{
    (void)self;
    listing_free(answer->owner);
    answer->owner = NULL;
    answer->sets = NULL;
    answer->n_sets = 0;
}

static void router_free(void *self)
{
    struct router_route53 *r = self;

    route53_free(r->client);
    while (r->ops) {
        struct op *op = r->ops;

        r->ops = op->next;
        listing_free(op->answer.owner);
        op_free(op);
    }
    free(r);
}

struct router router_route53_new(struct route53 *client)
{
    static const struct router_ops ops = {change, list, sync_change, next, release, router_free};
    struct router_route53 *r = x_zalloc(sizeof *r);

    r->client = client;
    return (struct router){&ops, r};
}

bool router_route53_take(void *self, struct http_done *done)
{
    struct router_route53 *r = self;

    return route53_take(r->client, done);
}

int64_t router_route53_wake_at(const void *self)
{
    const struct router_route53 *r = self;

    return route53_wake_at(r->client);
}
