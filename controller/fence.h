/* fence.h: how sluice writes to its zones: leases, generations, batches that may still land.
 *
 * Route 53 applies a change batch whole or not at all, and a DELETE must name the current value. So
 * a TXT record, deleted and created anew in every batch, fences everything else in it: who does not
 * know its current value changes nothing. The fence is that protocol as a machine over all zones of
 * a plan. It performs no I/O, reads no clock and blocks never: commands and router answers in,
 * router operations and events out. Times are boottime milliseconds unless a name says otherwise;
 * percentages are whole percent on the new side.
 *
 *   take ──► held ──► apply … ──► held ──► release          every command has an op_id of the
 * caller's, │        │                                     and is answered once by an event with it
 *              └────────┴──► rollback (overtakes) ──► held    and `final` set
 *
 * A zone knows: the last lease value that was certainly there, and the batches without a definite
 * answer
 * ("open"), each of which turns one lease value into another. From both follows which values may be
 * there now. Forward writes wait until there is one; a rollback tries them all, older first.
 *
 * Operations it starts at the router carry FENCE_OP_BIT in their op_id, so that the caller, who
 * owns the router's queue, knows whose an answer is. */
#ifndef SLUICE_FENCE_H
#define SLUICE_FENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lease.h"
#include "router.h"
#include "rrset.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define FENCE_OP_BIT      0x80000000u
#define FENCE_NONE        UINT32_MAX
#define FENCE_ZONES_MAX   64
#define FENCE_RECORDS_MAX 20000
#define FENCE_TEXT_MAX    400

#define FENCE_LATE_MS     (6 * 60 * 1000) /* a signature lives 5 minutes; none lands after 6 */
#define FENCE_LEASE_TTL_S 60

struct fence;

struct fence_config {
    const char *cutover; /* copied, like all strings here */
    const char *run;     /* unique a run */
    const char
        *owner; /* 16 hex digits, random, one a run (kept over restarts); NULL: drawn from seed */
    const char *plan_hash; /* short, public */
    uint64_t seed;         /* fresh entropy for every process: nonces and jitter come from it */
    int64_t life_ms;       /* of the lease; default 10 minutes when 0 */
    int64_t wall_minus_boot_ms; /* until Route 53's own Date is known */
    uint32_t rollback_to;       /* percent */
    uint32_t ttl_was;
    int64_t not_before_s;
    bool no_heartbeat; /* do not renew the lease a third of its life after the last batch */
    bool lease_off;    /* `lease: off`: no lease record, no fence */
    bool all;          /* `records: all`: a record that goes, while others stand, is no drift */
};

/* ---- Building. All of it before the first command.
 * ----------------------------------------------------- */

struct fence *fence_new(const struct fence_config *cfg, struct router router);
void fence_free(struct fence *f);

/* Adds a zone by its id (as the API wants it) and the full name of its lease record. Returns its
 * index, which is the caller's; the fence itself goes through zones in the order of their ids. */
uint32_t fence_add_zone(struct fence *f, const char *zone_id, const char *lease_name);

/* Adds one weighted group, every set of it as listed (copied), with the side of each (enum
 * plan_side). What is given here is the baseline: inner shares and every field but Weight come from
 * it. Returns its index. */
uint32_t fence_add_record(struct fence *f, uint32_t zone, const struct rrset *sets,
                          const uint8_t *side, size_t n_sets);

/* Sorts, indexes, cuts batches. False (ERR_REFUSED or ERR_LIMIT) when a record can not be moved:
 * too large for one batch, a sum of 0, a side missing, under a traffic policy, twice in the plan.
 */
bool fence_ready(struct fence *f, struct err *err) SL_MUST_CHECK;

/* ---- Commands. op_id: the caller's, without FENCE_OP_BIT, never 0, not in flight.
 * ---------------------- */

enum fence_take_how {
    FENCE_TAKE_FREE,    /* absent or released leases; an expired one once it was watched for a life */
    FENCE_TAKE_OVER,    /* --take-over: any lease, at once */
    FENCE_TAKE_ROLLBACK /* `sluice rollback`: any lease, at once; nothing is proven, no record is
                           touched */
};

/* Takes every zone in the order of their ids and proves both ways; on failure gives back those
 * taken. Answered by FENCE_TAKEN, or by FENCE_BUSY, FENCE_DENIED, FENCE_DRIFT, FENCE_INVALID or
 * FENCE_UNREAD once all is given back (sent as far as the network lets us; `text` says what is
 * left). */
void fence_take(struct fence *f, uint32_t op_id, enum fence_take_how how, int64_t now_ms);

/* Moves all records to percent (0 to 100, or RAMP_PERCENT_BASELINE), forward: only from the state
 * last read. Answered by FENCE_APPLIED when the last batch has certainly landed and FENCE_INSYNC
 * (final) when all are in sync and a listing agrees (a listing that does not is told by FENCE_DRIFT
 * with op_id 0 before it); or by FENCE_DRIFT, FENCE_DENIED, FENCE_INVALID, FENCE_ABSENT,
 * FENCE_DEPOSED (final; some batches may have landed: n_done of n_all records, half-applied when
 * not 0). Lost answers are retried until known; FENCE_WAITING (not final) says so. At most one
 * apply at a time. */
void fence_apply(struct fence *f, uint32_t op_id, uint32_t percent, int64_t now_ms);

/* Goes back to percent: overtakes a take, an apply or anything else (which is then not answered any
 * more), waits for nothing. A lease that somebody removed is not made anew, for it may have been that of
 * a run that took over since: it is told (FENCE_UNSAFE, field "lease") until a person has decided, by
 * asking (again) with make_anew. Answered by FENCE_BACK_LANDED when every record's batch has landed, FENCE_BACK
 * (final) when INSYNC was seen and a listing agrees. Until then FENCE_UNSAFE (not final) says what
 * cannot be confirmed, and it goes on trying; deposed zones are left out and told by FENCE_DEPOSED,
 * which is the final answer when one stayed so for a whole life. Asked again (same percent) it goes
 * on where it is under the new op_id; the old one is dropped. */
void fence_rollback(struct fence *f, uint32_t op_id, uint32_t percent, bool make_anew,
                    int64_t now_ms);

/* Reads leases and records of all zones now (after a sleep, or to resume). Answered by FENCE_READ
 * when all is as we last wrote it, else by FENCE_DRIFT (field "lease": another run's),
 * FENCE_ABSENT, FENCE_REVERTING or FENCE_UNREAD (final, the gravest that was found). May run beside
 * an apply: what the apply itself changes is no drift. What was read is the new view: a caller who
 * goes on after FENCE_DRIFT accepts it. */
void fence_read(struct fence *f, uint32_t op_id, int64_t now_ms);

/* Gives the leases away ("released"). Answered by FENCE_RELEASED; zones that could not be are in
 * n_done of n_all and `text`, tried for two minutes. */
void fence_release(struct fence *f, uint32_t op_id, int64_t now_ms);

/* Stops: nothing is sent any more, what is in the air stays there, leases are left. */
void fence_abandon(struct fence *f);

/* ---- The loop.
 * ----------------------------------------------------------------------------------------- */

/* Takes one answer of the router. Returns false when it was not an operation of the fence. The
 * caller still releases the answer. */
bool fence_answer(struct fence *f, const struct router_answer *answer, int64_t now_ms);

/* Does what has come due. */
void fence_tick(struct fence *f, int64_t now_ms);

/* The one deadline; INT64_MAX when none, 0 while events wait to be taken. */
int64_t fence_wake_at(const struct fence *f);

enum fence_event_kind {
    FENCE_TAKEN,   /* take: all zones, both ways proven, baseline read again */
    FENCE_BUSY,    /* take: another run's lease in `zone`: `lease` says whose and until when */
    FENCE_DENIED,  /* AWS refuses us: text */
    FENCE_INVALID, /* Route 53 calls the request wrong, the zone is gone, an unreadable lease: text
                    */
    FENCE_APPLIED, /* apply: every batch has landed */
    FENCE_INSYNC,  /* apply: INSYNC and a listing agrees */
    FENCE_WAITING, /* no definite answer yet after several tries; goes on */
    FENCE_DRIFT, /* somebody else changed `record` of `zone`: set_id and field; n_all records in all
                  */
    FENCE_ABSENT,      /* the lease of `zone` is gone */
    FENCE_DEPOSED,     /* another run's lease (or a release by another) in `zone` */
    FENCE_OURS_AGAIN,  /* `zone` is ours again after FENCE_DEPOSED */
    FENCE_DEPOSED_END, /* a whole life has passed since FENCE_DEPOSED */
    FENCE_REVERTING, /* read: our own lease says `reverting`, which we did not know: go on reverting
                        to lease.rollback_to, whatever on.crash says */
    FENCE_READ,      /* read: all as we last wrote it */
    FENCE_UNREAD,    /* read or take: no answer after several tries: text */
    FENCE_BACK_SENT, /* rollback: the first request left; sent_boot_us when the answer told */
    FENCE_BACK_LANDED, /* rollback: every batch has landed; n_done of n_all records */
    FENCE_BACK, /* rollback: confirmed; n_done of n_all (records of deposed zones are not in n_done)
                 */
    FENCE_UNSAFE,   /* rollback: `record` (or the whole `zone`) cannot be confirmed: text; still
                       trying */
    FENCE_RELEASED, /* release: done */
    FENCE_BASELINE, /* a reading changed a field: rollback files are to be written again */
    FENCE_WATCHING, /* take: another run's lease of `zone` is past its time: watched for a whole life */
    FENCE_GONE,     /* with `all`: every set of `record` is gone; it is left out from now on */
    FENCE_EVENT_COUNT
};

struct fence_event {
    enum fence_event_kind kind;
    uint32_t op_id;         /* the command it belongs to; 0: unasked */
    bool final;             /* answers op_id: nothing more comes under it */
    uint32_t zone;          /* FENCE_NONE where none is meant */
    uint32_t record;        /* as fence_add_record() returned it, or FENCE_NONE */
    const char *set_id;     /* borrowed until fence_free(); NULL */
    const char *field;      /* "weight", "value", "ttl", …, "missing", "added"; NULL */
    uint32_t n_done, n_all; /* records */
    bool partly;            /* apply failed: some batch of it has landed or may have */
    bool has_lease;
    struct lease lease; /* BUSY, DEPOSED, REVERTING, WATCHING */
    bool expired;       /* BUSY, WATCHING: its expiry is past in Route 53's time */
    bool denied;        /* UNSAFE: AWS refuses us, a definite answer */
    int64_t sent_boot_us;
    char text[FENCE_TEXT_MAX]; /* for people; the service's own words are made safe */
};

/* The next event, in order; false when there is none. */
bool fence_next(struct fence *f, struct fence_event *out);
const char *fence_event_name(enum fence_event_kind kind);

/* ---- Looking.
 * ------------------------------------------------------------------------------------------ */

uint32_t fence_n_zones(const struct fence *f);
uint32_t fence_n_records(const struct fence *f);
const char *fence_zone_id(const struct fence *f, uint32_t zone);
uint32_t fence_record_zone(const struct fence *f, uint32_t record);
const char *fence_record_name(const struct fence *f, uint32_t record);
const char *fence_record_type(const struct fence *f, uint32_t record);
/* What is known of one set beside its fields. */
struct fence_set {
    uint8_t side;   /* enum plan_side */
    uint8_t weight; /* last read, or certainly written */
    uint8_t base;   /* at the baseline */
    bool missing;   /* from the last reading */
};
/* Set i of a record as last listed (its weight is in out, not here); NULL past the end. out may be
 * NULL. */
const struct rrset *fence_set(const struct fence *f, uint32_t record, size_t i,
                              struct fence_set *out);
uint32_t fence_weight_at(const struct fence *f, uint32_t record, size_t i, uint32_t percent);
/* The longest TTL of all sets, in seconds; 60 counts for an alias. */
uint32_t fence_ttl_max(const struct fence *f);
/* Route 53's time now, Unix milliseconds. */
int64_t fence_route53_ms(const struct fence *f, int64_t now_ms);
/* True while an operation of the fence is at the router. */
bool fence_in_flight(const struct fence *f);
/* When the newest request of this run that may still land was signed, Unix ms; 0 when none may. */
int64_t fence_open_signed_ms(const struct fence *f);

/* True while a rollback is neither confirmed in the zone nor shut out by another run: what its rollback
 * files are good for. */
bool fence_zone_is_unsafe(const struct fence *f, uint32_t zone);

/* How many change batches one step takes in a zone, and one rollback. */
uint32_t fence_batches(const struct fence *f, uint32_t zone, bool back);
/* The least API calls of reading: the lease and all records of all zones once (fence_read()), and what
 * a step reads right before its batches. More where sets of others stand between the records. */
uint32_t fence_read_calls(const struct fence *f);
uint32_t fence_step_read_calls(const struct fence *f);

/* The k-th (from 0) rollback file of a zone: a change batch for
 * `aws route53 change-resource-record-sets --change-batch`, UPSERTs only, good at any generation
 * (design.md 5.1). False past the last. */
bool fence_rollback_file(const struct fence *f, uint32_t zone, uint32_t k, struct buf *out);

/* What a step would change, for people: one line a set that moves. */
void fence_diff(const struct fence *f, uint32_t percent, struct buf *out);

/* ---- Restart.
 * ------------------------------------------------------------------------------------------ */

/* All records of the run with their baseline weights: large, written once a run and after
 * FENCE_BASELINE. */
json_t *fence_save_baseline(const struct fence *f);
/* The rest: small, for every journal line that matters. */
json_t *fence_save(const struct fence *f);

/* A fence as it was when saved, but trusting nothing: the caller's next command is fence_read() (or
 * fence_rollback(), where the fence decides). cfg->owner is ignored; cfg->seed must be fresh. state
 * may be NULL (nothing was saved beside the baseline). Returns NULL with ERR_PROTOCOL when damaged.
 */
struct fence *fence_restore(const struct fence_config *cfg, struct router router,
                            const json_t *baseline, const json_t *state,
                            struct err *err) SL_MUST_CHECK;

/* After fence_restore(): the journal's last line meant this percentage to be written next, so the
 * records may stand there already. */
void fence_expect(struct fence *f, uint32_t percent);

#endif
