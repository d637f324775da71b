/* batch.h: a change batch and the rules it must keep. Pure: a table, a batch, a verdict.
 *
 * Changes are tried in order on a copy of the zone's table, each against what the ones before it
 * left; one fault anywhere and the copy is thrown away. Every fault is reported, as Route 53 does,
 * in one message "[a, b]". Sources: API reference ChangeResourceRecordSets; error texts as met in
 * public bug reports. */
#ifndef SANDBOX_BATCH_H
#define SANDBOX_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rset.h"
#include "sluice/buf.h"

#define BATCH_ELEMENTS_MAX   1000
#define BATCH_CHARACTERS_MAX 32000
#define BATCH_CHANGES_MAX    1000
#define BATCH_COMMENT_MAX    256
#define GROUP_SETS_MAX       100
#define ZONE_SETS_MAX        10000

enum change_action { CHANGE_CREATE, CHANGE_DELETE, CHANGE_UPSERT, CHANGE_ACTION_COUNT };

struct change {
    enum change_action action;
    struct rset *set; /* owned: one reference */
};

struct batch {
    char *comment; /* owned, may be NULL */
    struct change *changes;
    size_t n, cap;
};

/* What may differ, because nobody has tried it on the real service. */
struct batch_rules {
    const char *zone_name; /* stored form */
    const char *zone_id;
    bool delete_compares_weight;
    bool group_ttl_fixed; /* a new set's TTL is held against the group as it was before, too */
};

struct batch_verdict {
    const char *code; /* NULL: good */
    struct buf message;
    uint32_t elements, characters; /* as counted against the limits: UPSERT twice */
};

const char *change_action_name(enum change_action action);
bool change_action_parse(const char *name, enum change_action *out) SL_MUST_CHECK;

void batch_add(struct batch *b, enum change_action action, struct rset *set); /* takes set */
void batch_clear(struct batch *b);
void batch_verdict_clear(struct batch_verdict *v);

/* InvalidInput: what can be judged without the zone. */
bool batch_check(const struct batch *b, struct batch_verdict *v) SL_MUST_CHECK;

/* Limits and the zone's rules. Returns the new table (the caller's reference), or NULL with the
 * verdict. `before` is not touched. */
struct rtable *batch_apply(const struct batch *b, const struct rtable *before,
                           const struct batch_rules *rules, struct batch_verdict *v);

#endif
