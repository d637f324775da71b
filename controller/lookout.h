/* lookout.h: what DNS answers, round after round: `sluice observe --watch`.
 *
 * What stands in the zones is told by lookout_stand(), as often as it is read. A round asks every
 * authoritative server about every record (LOOKOUT_EACH times about those whose shares are judged) and
 * every resolver about the first RESOLVERS_NAMES_MAX records. Counts begin anew when a record's sets
 * change; what stood before is remembered, so that a server that still answers it is called stale and
 * not merely wrong.
 *
 * Shares: all answers since then, a server at a time, by the test that verifying uses. It is made
 * again every round, so round k of a watch has the (6/pi^2)/k^2-th part of the level: whatever their
 * number, a healthy watch is doubted by chance at most once in a thousand.
 *
 * lookout.c keeps and asks; lookout_report.c says it as JSON; lookout_text.c makes a table of that. */
#ifndef SLUICE_LOOKOUT_H
#define SLUICE_LOOKOUT_H

#include <jansson.h>

#include "observe.h"
#include "resolvers.h"

#define LOOKOUT_EACH     10   /* questions a round to each server about a sampled record */
#define LOOKOUT_RATE     200  /* questions a second to all servers together, over a round and its pause */
#define LOOKOUT_KEEP     2000 /* answers of one server about one record; the oldest half goes at twice that */
#define LOOKOUT_FDS_MAX  256
#define LOOKOUT_ZONES_MAX 64

struct lookout;

/* resolvers may be NULL; borrowed. */
struct lookout *lookout_new(struct resolvers *resolvers, uint64_t seed);
void lookout_free(struct lookout *l); /* NULL is fine */

/* What stands, copied; between rounds only. ERR_FILE for a value that DNS cannot have. */
bool lookout_stand(struct lookout *l, const struct observe_request *zones, size_t n, int64_t now_ms,
                   struct err *err) SL_MUST_CHECK;

/* Begins a round; only when none is under way. resolvers_only: the servers are not asked. */
bool lookout_begin(struct lookout *l, bool resolvers_only, int64_t now_ms,
                   struct err *err) SL_MUST_CHECK;
size_t lookout_fds(const struct lookout *l, struct pollfd *fds, size_t max);
int64_t lookout_wake_at(const struct lookout *l);
bool lookout_step(struct lookout *l, int64_t now_ms); /* true when the round is over, and after it */

/* From one round's begin to the next one's, at least: many records are asked less often. */
int64_t lookout_least_ms(const struct lookout *l);
uint32_t lookout_rounds(const struct lookout *l); /* that were whole */
/* Of the last whole round: every server that answers agrees, and one did about every record. */
bool lookout_agrees(const struct lookout *l);

/* {"schema", "event": "round", "time", "round", "agrees", "records": [...]}: sluice(1). New. */
json_t *lookout_report(const struct lookout *l, int64_t now_ms, int64_t wall_ms);
/* The members "resolvers" and "left_s" of one record, in the order of lookout_stand(); into out. */
void lookout_report_resolvers(const struct lookout *l, size_t record, json_t *out, int64_t now_ms);

/* A table of a report, `columns` wide and at most `rows` high: lines that end with a newline. What
 * does not fit is said, and what agrees is left out first. title stands first. */
void lookout_table(const json_t *report, const char *title, size_t columns, size_t rows,
                   struct buf *out);
/* A line a record. quiet: of those that do not agree. */
void lookout_lines(const json_t *report, bool quiet, struct buf *out);
/* What resolvers hold of one record of a report or of `sluice observe`, a line each, with the indent. */
void lookout_resolver_lines(const json_t *record, const char *indent, struct buf *out);

#endif
