/* faults.h: what goes wrong, when and for whom.
 *
 * A fault names its kind and its scope: an API action, a fleet and a path, or a DNS server; and
 * when it fires: a window of time since the start, the nth matching call, a probability, a number
 * of times. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "rng.h"
#include "sluice/err.h"

#define FAULTS_MAX       256
#define FAULTS_FIRED_MAX 8

enum fault_on { FAULT_ON_API, FAULT_ON_FLEET, FAULT_ON_DNS, FAULT_ON_COUNT };

enum fault_kind {
    FAULT_LATENCY,     /* api, fleet: wait ms, then go on */
    FAULT_STATUS,      /* api, fleet: answer with a status instead */
    FAULT_HANG,        /* api, fleet: take the request, never answer */
    FAULT_RESET,       /* api, fleet: RST instead of an answer */
    FAULT_THROTTLE,    /* api: 400 Throttling */
    FAULT_LOST_REPLY,  /* api: do it, then close without a word */
    FAULT_LATE,        /* api: close now, do it later */
    FAULT_DUPLICATE,   /* api: do it and answer; a copy lands later */
    FAULT_PENDING,     /* api: the change stays PENDING ms longer (ms < 0: until released) */
    FAULT_GARBAGE,     /* api, fleet: an answer that is no HTTP */
    FAULT_WRONG_BODY,  /* fleet: 200 with another body */
    FAULT_TRUNCATED,   /* api, fleet: close in the middle of the body */
    FAULT_SLOW_LORIS,  /* fleet: one byte every ms */
    FAULT_BOMB,        /* fleet: a gzip body that grows to `bytes` */
    FAULT_FLOOD,       /* fleet: a plain body of `bytes` */
    FAULT_EXPIRED,     /* fleet: an expired certificate */
    FAULT_WRONG_NAME,  /* fleet: a certificate for another name */
    FAULT_SELF_SIGNED, /* fleet: a certificate from nobody */
    FAULT_STALE,       /* dns: answers stay as they are while the fault is there */
    FAULT_DROP,        /* dns: no answer */
    FAULT_SERVFAIL,    /* dns */
    FAULT_REFUSED,     /* dns */
    FAULT_KIND_COUNT
};

struct fault {
    uint64_t id;
    enum fault_kind kind;
    enum fault_on on;
    char *fleet, *address, *path, *method; /* fleet; NULL: any. path is a prefix */
    char *action, *key, *comment;          /* api; comment is a part of the batch's comment */
    int server;                            /* dns; -1: all */
    uint32_t nth, from_nth, every, count;  /* 0: not used */
    double probability;
    int64_t from_us, to_us; /* since the start */
    int64_t ms;
    int64_t bytes;
    int status;
    int retry_after; /* seconds; -1: no header */
    bool reply;      /* late: keep the connection open instead of closing it */
    bool hold;       /* late, duplicate: only a release lets it land */
    char *code, *message, *body;
    uint32_t matched, fired;
    struct rng dice;
};

struct fault_query {
    enum fault_on on;
    const char *fleet, *address, *path, *method;
    const char *action, *key, *comment;
    int server;
    uint32_t kinds; /* bits of the kinds asked for; 0: all */
};

struct faults {
    struct fault *list[FAULTS_MAX];
    size_t n;
    uint64_t last_id;
    uint64_t seed;
    int64_t start_us;
};

#define FAULT_BIT(kind) (1U << (kind))

const char *fault_kind_name(enum fault_kind kind);

void faults_init(struct faults *f, uint64_t seed, int64_t start_us);
void faults_clear(struct faults *f);

/* One fault as in README.md. Returns its id, or 0. */
uint64_t faults_add(struct faults *f, json_t *json, struct err *err);
bool faults_remove(struct faults *f, uint64_t id); /* id 0: all; false: no such fault */
json_t *faults_to_json(const struct faults *f);

/* The faults that fire for this call, in order of their making, at most FAULTS_FIRED_MAX. Counting
 * and dice happen here: ask once a call. */
size_t faults_fire(struct faults *f, const struct fault_query *q, int64_t now_us,
                   const struct fault *out[FAULTS_FIRED_MAX]);
/* The first fired fault of a kind, or NULL. */
const struct fault *faults_pick(const struct fault *const *fired, size_t n, enum fault_kind kind);

#endif
