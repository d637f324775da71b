/* survey.h: what stands in the zones, held against the plan, before anything is written.
 *
 * The caller reads the zones (zone.c) and hands the listings over; survey_eval() finds the group of
 * every record, tells its sets apart by side and writes down what is in the way, each with what to
 * do about it. Pure: no clock, no socket. Findings that refuse end the run before its lease is
 * taken; the others are said and gone on with. Sources: Route 53 Developer Guide, "Values specific
 * for weighted records" and "How Amazon Route 53 chooses records when health checking is
 * configured". */
#ifndef SLUICE_SURVEY_H
#define SLUICE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "rrset.h"
#include "sluice/arena.h"
#include "sluice/buf.h"

#define SURVEY_FINDINGS_MAX 1000
#define SURVEY_TTL_LONG_S   300 /* above: a rollback takes long to reach everybody */

/* A zone as read. Borrowed by the survey. */
struct survey_zone {
    const char *asked; /* as the plan names it */
    const char *id;    /* "Z123" */
    const char *name;  /* "example.com." */
    bool private_zone;
    const char *passed_over;  /* private zones of its name, when it was named by that; or NULL */
    const char *owner;        /* another AWS service that owns it, or NULL */
    const struct rrset *sets; /* the whole listing */
    size_t n_sets;
};

struct survey_record {
    uint32_t zone;    /* index into zones */
    const char *name; /* as listed */
    const char *type;
    const struct rrset *sets; /* the whole group, in listing order */
    const uint8_t *side;      /* enum plan_side of each */
    size_t n_sets;
    bool simple;      /* one set without routing: not weighted yet */
    bool usable;      /* no refusing finding: may be given to the fence */
    uint32_t new_ppm; /* share of the new side now */
};

enum survey_level {
    SURVEY_REFUSE, /* nothing is begun */
    SURVEY_ASK,    /* a person says yes, or --from-current */
    SURVEY_WARN,
    SURVEY_NOTE, /* goes wrong in some cutovers; nothing here says that it does in this one */
    SURVEY_LEVEL_COUNT
};

enum survey_code {
    SURVEY_ZONE_OWNED,
    SURVEY_MISSING,
    SURVEY_SIMPLE,
    SURVEY_ROUTING,
    SURVEY_TRAFFIC_POLICY,
    SURVEY_SET_MISSING,
    SURVEY_THIRD_SET,
    SURVEY_TTL_UNEQUAL,
    SURVEY_ALL_ZERO,
    SURVEY_SIDES_ALIKE,
    SURVEY_AAAA_LEFT,
    SURVEY_NONE_OF_BOTH, /* `records: all` found nothing */
    SURVEY_ABOVE_TARGET,
    SURVEY_WILDCARD,
    SURVEY_TTL_LONG,
    SURVEY_PRIVATE,
    SURVEY_LINT, /* of lint.h: id says which */
    SURVEY_CODE_COUNT
};

struct survey_finding {
    enum survey_code code;
    const char *id; /* "third_set"; static */
    enum survey_level level;
    const char *where; /* "www.example.com CNAME", or the zone */
    const char *what;  /* what was met; safe for a terminal */
    const char *todo;  /* what to do about it */
};

struct survey {
    struct arena *mem;
    const struct survey_zone *zones;
    size_t n_zones;
    struct survey_record *records;
    size_t n_records;
    struct survey_finding findings[SURVEY_FINDINGS_MAX];
    size_t n_findings;
    struct survey_names *set_names, *record_names; /* survey_names.h; a table a zone, and one */
};

/* Fills s. zone_of[i] is the zone of plan record i; with `records: all` it is not read, and all
 * groups of zones[] with sets of both sides are taken. Everything in s lives in mem. */
void survey_eval(struct survey *s, struct arena *mem, const struct plan *plan,
                 const struct survey_zone *zones, size_t n_zones, const uint32_t *zone_of);

/* True when no finding is of this level. */
bool survey_clear_of(const struct survey *s, enum survey_level level);

const char *survey_level_name(enum survey_level level); /* "refuse", "ask", "warn", "note" */
/* True when a finding has this id. */
bool survey_found(const struct survey *s, const char *id);

/* Adds a finding of another module's (code SURVEY_LINT). id is static; the other strings are copied
 * and must be safe for a terminal already: survey_where(), survey_safe(). */
void survey_add(struct survey *s, const char *id, enum survey_level level, const char *where,
                const char *what, const char *todo);
/* "www.example.com CNAME", and a foreign word of at most 128 bytes, safe for a terminal. In mem. */
const char *survey_where(struct arena *mem, const char *name, const char *type);
const char *survey_safe(struct arena *mem, const char *word);

/* The sets of a side of a plan record; record NULL: the plan's own. */
const struct plan_sets *survey_sets_of(const struct plan *plan, const struct plan_record *record,
                                       int side);

/* A listed name as people and Host headers write it: octal escapes read, no final dot. Appends. */
void survey_plain_name(const char *listed, struct buf *out);

/* The change batch for the AWS CLI that makes the zone's simple plan records weighted: DELETE as
 * listed, CREATE the same as the old side's set with weight 100. How many records it holds; 0
 * leaves out empty. */
size_t survey_make_weighted(const struct survey *s, const struct plan *plan, uint32_t zone,
                            struct buf *out);

#endif
