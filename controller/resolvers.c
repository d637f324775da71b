#include "resolvers.h"

#include <stdio.h>
#include <string.h>

#include "sluice/text.h"

#define TRIES 2

struct question {
    struct question *next;
    const struct observe_record *record;
    const char *const *canonical;
    const char *name;
    uint16_t type;
    struct resolvers_seen *seen;
};

struct one {
    char address[DNS_SERVER_TEXT_MAX];
    struct question *first, **end; /* waiting for their turn */
    int64_t next_ms;               /* not before this */
};

struct resolvers {
    struct one one[RESOLVERS_MAX];
    struct question *sent; /* on their way */
    size_t n;
    struct dns_client *client;
};

/* ---- Taking an answer --------------------------------------------------------------------------- */

/* The records of that very name and type: behind a CNAME come others' with TTLs of their own. */
static size_t own(const struct dns_answer *answer, const char *name, uint16_t type,
                  struct dns_record *out)
{
    size_t n = 0;

    for (size_t i = 0; i < answer->records_n; i++)
        if (answer->records[i].type == type && strcmp(answer->records[i].name, name) == 0)
            out[n++] = answer->records[i];
    return n;
}

void resolvers_values(char *out, size_t size, const struct dns_answer *answer, const char *name,
                      uint16_t type)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    for (size_t i = 0; i < answer->records_n; i++) {
        const struct dns_record *r = &answer->records[i];

        if (r->type != type || strcmp(r->name, name) != 0)
            continue;
        buf_add_str(&text, text.len ? " " : "");
        text_add_safe(&text, r->value, strlen(r->value), size);
    }
    snprintf(out, size, "%s", buf_str(&text));
    if (text.len >= size)
        memcpy(out + size - 4, "...", 4);
}

static uint32_t ttl_of(const struct observe_record *record, const char *const *canonical,
                       const struct dns_record *answers, size_t n, uint16_t type)
{
    for (size_t i = 0; i < record->sets_n; i++) {
        struct observe_record alone = *record;
        enum observe_kind kind;

        alone.sets = &record->sets[i];
        alone.sets_n = 1;
        kind = observe_classify(&alone, &canonical[i], answers, n, type, NULL);
        if (!record->sets[i].alias && (kind == OBSERVE_IS_OLD || kind == OBSERVE_IS_NEW))
            return record->sets[i].ttl;
    }
    return 0;
}

void resolvers_take(struct resolvers_seen *seen, const struct observe_record *record,
                    const char *const *canonical, const char *name, uint16_t type,
                    const struct dns_answer *answer, int64_t now_ms)
{
    struct dns_record *mine = x_calloc(answer->records_n + 1, sizeof *mine);
    size_t n = own(answer, name, type, mine);

    seen->state = RESOLVERS_ANSWERED;
    seen->at_ms = now_ms;
    seen->kind = n ? observe_classify(record, canonical, mine, n, type, NULL)
                   : answer->records_n ? OBSERVE_IS_FOREIGN : OBSERVE_IS_EMPTY;
    seen->ttl = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || mine[i].ttl < seen->ttl)
            seen->ttl = mine[i].ttl;
    seen->own_ttl = ttl_of(record, canonical, mine, n, type);
    seen->above = seen->own_ttl && seen->ttl > seen->own_ttl;
    seen->stale = answer->served_stale;
    resolvers_values(seen->values, sizeof seen->values, answer, name, type);
    free(mine);
    if (seen->kind == OBSERVE_IS_OLD || seen->kind == OBSERVE_IS_NEW) {
        int64_t *until =
            &seen->until_ms[seen->kind == OBSERVE_IS_NEW ? OBSERVE_NEW : OBSERVE_OLD];
        int64_t new_until = now_ms + (int64_t)seen->ttl * 1000;

        *until = new_until > *until ? new_until : *until;
    }
}

int64_t resolvers_left_s(const struct resolvers_seen *seen, enum observe_side side, int64_t now_ms)
{
    int64_t left = seen->until_ms[side] - now_ms;

    return left > 0 ? (left + 999) / 1000 : 0;
}

bool resolvers_overdue(const struct resolvers_seen *seen, const struct observe_record *record,
                       int64_t since_ms, uint32_t before_ttl)
{
    double share = observe_share(record);

    if (seen->state != RESOLVERS_ANSWERED || !since_ms ||
        seen->at_ms <= since_ms + RESOLVERS_SYNC_MS + (int64_t)before_ttl * 1000)
        return false;
    return (share == 0 && seen->kind == OBSERVE_IS_NEW) ||
           (share == 1 && seen->kind == OBSERVE_IS_OLD);
}

/* ---- Asking -------------------------------------------------------------------------------------- */

struct resolvers *resolvers_new(const char *const *addresses, size_t n, struct err *err)
{
    struct resolvers *r = x_zalloc(sizeof *r);

    r->client = dns_client_new();
    for (size_t i = 0; i < n; i++) {
        struct buf text SL_CLEANUP(buf_clear) = {0};
        struct err why = {0};

        if (i >= RESOLVERS_MAX) {
            err_set(err, ERR_USAGE, "more than %d resolvers", RESOLVERS_MAX);
        } else if (!dns_server_format(&text, addresses[i], &why)) {
            err_set(err, ERR_USAGE, "--resolver takes an address, such as 192.0.2.1 or 192.0.2.1:53, not \"%.80s\"",
                    addresses[i]);
        } else {
            snprintf(r->one[i].address, sizeof r->one[i].address, "%s", buf_str(&text));
            r->one[i].end = &r->one[i].first;
            r->n++;
            continue;
        }
        resolvers_free(r);
        return NULL;
    }
    return r;
}

static void free_list(struct question *q)
{
    while (q) {
        struct question *next = q->next;

        free(q);
        q = next;
    }
}

void resolvers_free(struct resolvers *r)
{
    if (!r)
        return;
    dns_client_free(r->client);
    for (size_t i = 0; i < r->n; i++)
        free_list(r->one[i].first);
    free_list(r->sent);
    free(r);
}

size_t resolvers_n(const struct resolvers *r)
{
    return r ? r->n : 0;
}

const char *resolvers_address(const struct resolvers *r, size_t i)
{
    return r->one[i].address;
}

void resolvers_ask(struct resolvers *r, size_t i, const struct observe_record *record,
                   const char *const *canonical, const char *name, uint16_t type,
                   struct resolvers_seen *seen, int64_t now_ms)
{
    struct question *q;

    if (seen->pending || (seen->asked_ms && now_ms < seen->asked_ms + RESOLVERS_GAP_MS))
        return;
    q = x_zalloc(sizeof *q);
    *q = (struct question){.record = record, .canonical = canonical, .name = name, .type = type,
                           .seen = seen};
    seen->pending = true;
    *r->one[i].end = q;
    r->one[i].end = &q->next;
}

static void send_due(struct resolvers *r, int64_t now_ms)
{
    for (size_t i = 0; i < r->n; i++) {
        struct one *o = &r->one[i];

        while (o->first && now_ms >= o->next_ms) {
            struct question *q = o->first;
            const struct dns_question dq = {.servers = {o->address}, .name = q->name, .type = q->type,
                                            .recursion = true, .tries = TRIES};

            o->first = q->next;
            if (!o->first)
                o->end = &o->first;
            o->next_ms = now_ms + 1000 / RESOLVERS_RATE;
            q->seen->asked_ms = now_ms;
            q->next = r->sent;
            r->sent = q;
            dns_client_ask(r->client, &dq, q, now_ms);
        }
    }
}

static void take_done(struct resolvers *r, int64_t now_ms)
{
    struct dns_done done;

    while (dns_client_next(r->client, &done)) {
        struct question *q = done.ctx;

        for (struct question **at = &r->sent; *at; at = &(*at)->next)
            if (*at == q) {
                *at = q->next;
                break;
            }
        q->seen->pending = false;
        if (done.outcome == DNS_ANSWERED)
            resolvers_take(q->seen, q->record, q->canonical, q->name, q->type, &done.answer, now_ms);
        else
            q->seen->state = done.outcome == DNS_FAILED ? RESOLVERS_FAILED : RESOLVERS_SILENT;
        dns_answer_clear(&done.answer);
        free(q);
    }
}

size_t resolvers_fds(const struct resolvers *r, struct pollfd *fds, size_t max)
{
    return r ? dns_client_fds(r->client, fds, max) : 0;
}

int64_t resolvers_wake_at(const struct resolvers *r)
{
    int64_t at = r ? dns_client_wake_at(r->client) : INT64_MAX;

    for (size_t i = 0; r && i < r->n; i++)
        if (r->one[i].first && r->one[i].next_ms < at)
            at = r->one[i].next_ms;
    return at;
}

bool resolvers_step(struct resolvers *r, int64_t now_ms)
{
    bool waiting = false;

    if (!r)
        return true;
    dns_client_step(r->client, now_ms);
    take_done(r, now_ms);
    send_due(r, now_ms);
    for (size_t i = 0; i < r->n; i++)
        waiting = waiting || r->one[i].first;
    return !waiting && !r->sent;
}
