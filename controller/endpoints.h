/* endpoints.h: where the probes of each side go.
 *
 * A side's endpoints come from its own records: the addresses of A and AAAA sets; the targets of
 * CNAME and alias sets, followed through records of the zones that were read ("helper names"), then
 * asked of a resolver where the plan names one, else left to the system's resolver by name. Sides
 * that share an address are refused: no probe could tell them apart. An address of a family with no
 * route from here is not probed, which is said and is no failure. */
#ifndef SLUICE_ENDPOINTS_H
#define SLUICE_ENDPOINTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/err.h"
#include "sluice/pump.h"
#include "survey.h"

#define ENDPOINTS_MAX        60000 /* of a run */
#define ENDPOINTS_CHAINS     8192u /* of hosts, a power of two */
#define ENDPOINTS_TARGET_MAX 8     /* addresses taken of one CNAME target */
#define ENDPOINTS_CHAIN_MAX  8     /* CNAMEs followed */
#define ENDPOINTS_TRY_MAX    32
#define ENDPOINTS_TRY_MS     4000

struct endpoints {
    struct arena mem;
    struct pump_endpoint *list; /* strings in mem */
    size_t n;
    size_t cap;
    /* The endpoints of a host without looking at all others: by its hash the newest one, and the one
     * before it for each; positions + 1. */
    uint32_t *newest, *before;
    size_t n_unrouted; /* left out: no route to their family */
    char unrouted[64]; /* the first of them */
};

/* Asks for the addresses of a name outside the zones; appends up to max of them (strings in mem)
 * and returns how many; 0 leaves the name to curl. NULL: always 0. */
typedef size_t endpoints_resolve(void *ctx, struct arena *mem, const char *name, const char **out,
                                 size_t max);

/* ERR_REFUSED with what to do when sides overlap or a side of a record has nowhere to go. */
bool endpoints_from_survey(struct endpoints *e, const struct survey *s, endpoints_resolve *resolve,
                           void *ctx, struct err *err) SL_MUST_CHECK;

/* A machine can have a route in its table and still no way out: IPv6 in many containers. Tries to
 * connect to every IPv6 endpoint (at most ENDPOINTS_TRY_MAX, side by side, at most ENDPOINTS_TRY_MS
 * in all); when each of them is answered "no route", the family is left out and counted in
 * n_unrouted. */
void endpoints_drop_unreachable_family(struct endpoints *e);

/* For the journal: a resumed run probes the same places, in the same order. */
json_t *endpoints_save(const struct endpoints *e);
bool endpoints_load(struct endpoints *e, const json_t *from, struct err *err) SL_MUST_CHECK;

void endpoints_clear(struct endpoints *e);

/* True when this machine has a route to the address (no packet is sent); names count as routed. */
bool endpoints_routed(const char *address);

#endif
