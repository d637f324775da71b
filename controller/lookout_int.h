/* lookout_int.h: what lookout.c keeps and lookout_report.c reads. */
#ifndef SLUICE_LOOKOUT_INT_H
#define SLUICE_LOOKOUT_INT_H

#include "lookout.h"
#include "sluice/arena.h"

struct cell { /* one server about one record */
    uint32_t n[2], k[2]; /* answers of either side and those of new: older half, newer half */
    enum observe_kind kind;
    uint32_t ttl;
    bool heard, answered; /* ever; in the last round */
    bool judged;          /* a round with it is over */
    bool before;          /* an answer of the last round was what stood before */
    bool share_off;       /* the share does not fit ... */
    bool share_before;    /* ... but fits what stood before */
    enum observe_fault fault; /* of the last round */
    bool warning;
    char values[RESOLVERS_VALUES];
};

struct line { /* one record */
    struct observe_record now;
    struct observe_record before; /* sets_n 0: nothing else has stood */
    const char **canonical, **canonical_before;
    const char *name; /* as asked of resolvers, and for which answers are theirs */
    uint16_t type;
    int64_t since_ms; /* `now` was first read then; 0: it stood at the beginning */
    uint32_t before_ttl;
    struct cell *cells; /* a server each */
    struct resolvers_seen *seen; /* a resolver each */
    bool no_answer;
};

struct watched_zone {
    struct observe_request request; /* its records are those of the lines */
    struct observe *observe;
    size_t first; /* line */
    struct lookout *of;
};

struct lookout {
    struct arena mem; /* of what stands; made anew when that changes */
    struct watched_zone zones[LOOKOUT_ZONES_MAX];
    size_t zones_n;
    struct line *lines;
    size_t lines_n;
    struct resolvers *resolvers;
    uint64_t seed;
    uint32_t rounds, sampled; /* lines whose share is judged */
    bool in_round, with_servers, agrees;
};

#endif
