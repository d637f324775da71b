/* convert.h: from simple records to weighted groups and back: which changes, in which batches, and
 * what stands in the way. Pure: listings and a plan in, changes out.
 *
 *   long TTL ──lower──► short TTL ──weigh──► old 100, new 0 ──ramp──► old 0, new 100
 *                           ▲                        │                       │
 *                           └───────── undo ─────────┘     simple on new ◄─finish
 *
 * Each arrow is one batch a zone where it fits, cut only between names, so that A and AAAA of one
 * name go together. Sources: Route 53 Developer Guide, "Values specific for weighted records" (no
 * weighted record beside a simple one of its name and type; one TTL a group); RFC 1034
 * section 3.6.2 (nothing beside a CNAME). */
#ifndef SLUICE_CONVERT_H
#define SLUICE_CONVERT_H

#include "plan.h"
#include "router.h"
#include "sluice/buf.h"
#include "survey.h"

#define CONVERT_WEIGHT    100u /* of the old side, all of it */
#define CONVERT_FAULT_MAX 1000

enum convert_how {
    CONVERT_PREPARE, /* towards weighted, new at 0 */
    CONVERT_UNDO,    /* back to simple on old, while new is at 0 */
    CONVERT_FINISH,  /* to simple on new, when new has all */
};

struct convert_batch {
    uint32_t zone;                 /* index into the survey's zones */
    struct router_change *changes; /* in the arena */
    size_t n;
};

struct convert_fault { /* in the arena */
    const char *where; /* "www.example.com CNAME" */
    const char *what, *todo;
};

struct convert {
    struct convert_batch *batches;
    size_t n_batches;
    struct convert_fault faults[CONVERT_FAULT_MAX];
    size_t n_faults;
    uint32_t ttl_was;   /* the longest TTL that is lowered, seconds; 0: none */
    size_t lower, done; /* records whose TTL is lowered first; records there is nothing to do for */
};

/* The TTLs of prepare that are above the plan's: what is simple or weighted keeps everything else.
 */
void convert_lower(struct convert *c, struct arena *mem, const struct survey *s,
                   const struct plan *plan);

/* All weighted, with sets of both sides, perhaps of others: its TTL can be lowered as a whole. */
bool convert_is_group(const struct survey_record *r);

/* Whether Route 53 lets a weighted group change its TTL in one batch, all sets DELETEd and CREATEd
 * anew, is documented nowhere. So it is tried first, in every zone where such a group is lowered,
 * on TXT sets of a throw-away name with the identifiers, weights and health checks of that group.
 * Where such sets were left by a prepare that was cut short, `make` deletes them; change.n 0: that
 * is all. */
struct convert_try {
    const char *name; /* "_sluice-try.example.com." */
    struct convert_batch make, change, drop;
    struct convert_batch drop_unchanged; /* where `change` was refused */
};

/* At most one a zone of the survey; returns how many. out has room for s->n_zones. */
size_t convert_try(struct convert_try *out, struct arena *mem, const struct survey *s,
                   const struct plan *plan);

const char *convert_trial_name(struct arena *mem, const char *zone_name);
/* "new-www.example.com." for www.example.com., "new-wildcard.shops..." for *.shops. */
const char *convert_helper_name(struct arena *mem, const char *name);

/* The conversion itself. ttl: 0 keeps what the old set (UNDO) or the new (FINISH) has. */
void convert_weigh(struct convert *c, struct arena *mem, const struct survey *s,
                   const struct plan *plan, enum convert_how how, uint32_t ttl);

/* The opposite of a batch: what it CREATEs is DELETEd and the other way round, in the other order.
 */
struct convert_batch convert_opposite(struct arena *mem, const struct convert_batch *batch);

/* Of the ways back that were kept, newest first, those to make now. An older one of the same names
 * gives way to a newer (a conversion that was cut short and given again keeps its rest twice), and
 * one whose result stands already is left out (it was kept and never made, or is taken back). A
 * batch that matches neither is tried: where somebody edited a record, Route 53 refuses it. */
void convert_kept(struct convert *c, struct arena *mem, const struct survey *s,
                  const struct convert_batch *kept, size_t n);

/* The changes for people: "- www.example.com 3600 CNAME old.example.net" and "+ ...". */
void convert_diff(const struct convert *c, const struct survey *s, struct buf *out);

#endif
