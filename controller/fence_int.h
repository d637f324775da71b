/* fence_int.h: inside the fence; nobody but controller/fence*.c includes this.
 *
 * How it hangs together:
 *   fence.c          commands, events, the turn of the loop
 *   fence_record.c   records and sets: index, chunks, weights, what a reading says about them
 *   fence_batch.c    batches, lease values, and which of them may be in the zone now
 *   fence_read.c     readings: lists started, collected, tried again
 *   fence_forward.c  taking, moving, proving, the heartbeat
 *   fence_back.c     going back: what is sent when
 *   fence_mend.c     going back: refusals sorted, faults, a lease that is gone, the last listing
 *   fence_leave.c    releasing, being deposed
 *   fence_look.c     what is known, and rollback files
 *   fence_save.c     over a restart
 *   fence_sync.c     from landed to INSYNC to a listing that agrees
 * Every zone is driven by zone_go(): what it knows and what is wanted give the next operation. */
#ifndef SLUICE_FENCE_INT_H
#define SLUICE_FENCE_INT_H

#include "fence.h"
#include "sluice/arena.h"

#define OPEN_MAX        8 /* batches of a zone that may still land; then only copies are sent */
#define SINGLE_READ_MAX 4 /* up to so many records are listed one by one, more as one range */
#define AGAIN_READ_MAX                                                                             \
    20 /* so many that a range did not show are asked for by name, more as a zone */
#define ALT_MAX        4    /* weights of a set that would be ours */
#define PERCENT_AS_IS  200u /* a target: every weight as it stands */
#define PERCENT_BASE   101u /* RAMP_PERCENT_BASELINE */
#define READ_TRIES_MAX 6    /* of a reading a command waits for */
#define WAITING_TRIES  4    /* then FENCE_WAITING */
#define RELEASE_MAX_MS (2 * 60 * 1000)
#define WATCH_MS       (10 * 1000) /* reading the lease while deposed or absent */
#define SYNC_FIRST_MS  1000
#define SYNC_CAP_MS    10000
/* A drift reading's period: so long the listing that confirmed a rollback is not asked for again. */
#define CONFIRMED_MS   (30 * 1000)
#define NEVER          INT64_MAX

/* Two readings of a zone may run side by side: what its own work needs, and fence_read(). */
enum { RD_WRITE, RD_CMD, RD_COUNT };

struct fset {
    const struct rrset *rr; /* as last listed; never written to, because batches borrow it */
    uint8_t side, base;     /* enum plan_side, baseline weight */
    uint8_t weight;         /* last read, or certainly written */
    uint8_t alt[ALT_MAX];   /* what batches that may land, or may have landed, make of it */
    uint8_t n_alt;
    bool missing;
    uint32_t seen[RD_COUNT]; /* the reading of each kind that saw it */
};

struct frec {
    uint32_t id, zone; /* id: as fence_add_record() gave it */
    uint32_t pos;      /* in its zone's listing order */
    struct fset *sets;
    uint32_t n_sets;
    uint32_t touched;              /* f->seq of our last certain write */
    uint32_t added_seen[RD_COUNT]; /* the reading that saw a set of the group that is not ours */
    bool added;
    bool left;    /* gone whole with its owner (`all`): not missed */
    bool foreign; /* somebody else changed it since we last wrote it */
    bool fault;   /* going back: refused alone, or cannot be sent */
    bool told;    /* ... and FENCE_UNSAFE said so */
    bool landed;  /* going back: certainly written */
};

/* A lease value that was certainly in the zone, or that a batch makes. */
enum lv_kind { LV_UNKNOWN, LV_ABSENT, LV_OURS, LV_FOREIGN, LV_RELEASED, LV_BROKEN };
struct flv {
    enum lv_kind kind;
    uint32_t ttl;
    struct lease lease;          /* OURS, FOREIGN, RELEASED */
    char text[LEASE_VALUE_SIZE]; /* the same */
    const struct rrset *broken;  /* BROKEN: the whole set, in f->mem */
    bool other_version;
};

enum bkind { B_MOVE, B_BACK, B_LONE, B_SEIZE, B_PROOF, B_BEAT, B_RELEASE, B_GHOST };

struct fbatch {
    struct fbatch *next; /* f->batches */
    enum bkind kind;
    uint32_t zone, lo, hi; /* records [lo, hi) of the zone */
    uint32_t percent;
    uint32_t op_id; /* at the router; 0: not */
    uint32_t tries;
    bool urgent;
    bool open;  /* in the zone's open[]: may land, or may have */
    bool loose; /* a copy got no definite answer: it may land later whatever other copies were told
                 */
    bool dropped; /* nobody waits for it: freed with its last answer */
    struct flv del, crt;
    struct rrset del_rr, crt_rr;
    const char *del_value, *crt_value;
    struct router_change *ch;
    struct fset **sets; /* beside ch: the set a change creates; NULL for a DELETE and the lease */
    size_t n;
    int64_t signed_ms;
    char comment[128];
};

/* One reading: the lease, records [lo, hi) of the zone in listing order, or both. */
struct freading {
    bool active;
    bool asked_again;              /* what a range did not show was listed by name */
    bool doubted;                  /* it showed drift: the lease is read once more, behind it */
    bool want_lease, urgent, hard; /* hard: failed with a definite answer */
    uint8_t slot;
    uint32_t lo, hi;
    uint32_t stamp, seq; /* sets seen by it; f->seq when it was started */
    uint32_t pending, tries, tries_max;
    bool failed;
    int64_t due_ms; /* waiting to be tried again */
    enum router_outcome outcome;
    char message[160];
    bool got_lease;
    struct flv lease;
    uint32_t n_drift;
    uint32_t drift_rec;
    const char *drift_field, *drift_set;
};

struct fop {
    uint32_t op_id, zone;
    uint8_t kind; /* enum router_op */
    uint8_t slot; /* LIST: which reading; FENCE_NONE's low byte: none */
    uint32_t stamp;
    bool for_lease;
    struct fbatch *batch;
};

/* A stretch of records still to be written back. */
struct fwork {
    uint32_t lo, hi;
    bool listed; /* its records were listed since it was refused */
    bool faulty; /* a single record that Route 53 refuses */
    int64_t due_ms;
};

enum zphase {
    Z_IDLE,
    Z_LEASE,      /* take: reading the lease */
    Z_CREATE,     /* take, back: the lone CREATE is in the air */
    Z_SEIZE,      /* take over: lease alone */
    Z_READ,       /* move: reading the records of the chunk */
    Z_MOVE,       /* move: the batch is at the router or waits to be sent again */
    Z_SORT,       /* move: refused; reading lease and records */
    Z_PROOF,      /* take: batches that must fail */
    Z_BASELINE,   /* take: reading everything again */
    Z_MOVED,      /* all chunks landed */
    Z_BACK,       /* going back: sending */
    Z_BACK_SORT,  /* refused on every value: reading the lease */
    Z_BACK_LIST,  /* listing the records of what was refused */
    Z_BACK_GONE,  /* the lease is absent: reading everything */
    Z_BACK_STUCK, /* a person must decide: reading the lease now and then */
    Z_CONFIRM,    /* INSYNC seen: listing */
    Z_DONE,
    Z_RELEASE,
    Z_RELEASE_SORT,
};

struct fzone {
    char *id, *lease_name;
    uint32_t index, rank; /* rank: in the order of ids */
    struct frec **recs;   /* in listing order */
    uint32_t n_recs;
    uint32_t *cuts; /* chunk k is [cuts[k], cuts[k + 1]) */
    uint32_t n_chunks, chunk;

    struct flv lease;     /* last certain value */
    bool lease_certain;   /* by this very process */
    struct flv former;    /* taken over from: given back to when taking fails */
    /* take: another's lease that is past its time, as it was first seen; "": none. */
    char watched[LEASE_VALUE_SIZE];
    int64_t watched_ms, asked_ms; /* boottime: since when, and when the reading under way was begun */
    int64_t batch_ms;     /* when the last batch landed: the heartbeat counts from here */
    uint64_t top_gen;
    /* Readings begun before this f->seq may miss a batch of the process before us that lands late:
     * 0 in a fresh process, UINT32_MAX after a restart until a batch of ours has landed, which no
     * older one survives. */
    uint32_t settled_seq;
    bool back_unsaid; /* the lease says that a rollback of ours was begun, which the journal did not
                         know */
    bool taken, touched; /* touched: some request of ours may have changed the lease */
    struct fbatch *open[OPEN_MAX];
    uint32_t n_open;
    struct fbatch *cur; /* forward, or the rollback's attempt in flight */

    enum zphase phase;
    int64_t due_ms; /* cur is sent again, the next thing is done */
    uint32_t tries, refused;
    char refusal[200]; /* the service's words, made safe */
    struct freading rd[RD_COUNT];

    struct fwork *work; /* going back */
    uint32_t n_work, cap_work;
    uint32_t cand;
    uint64_t tried[OPEN_MAX + 1];
    uint32_t n_tried;
    bool landed_told, absent_told, denied_told;
    bool make_anew; /* an absent lease, in a rollback: a person said so */

    char (*sync)[ROUTER_CHANGE_ID_MAX]; /* change ids still PENDING */
    uint32_t n_sync, cap_sync;
    uint32_t sync_op, sync_tries, sync_misses;
    int64_t sync_due_ms;
    int64_t confirmed_ms; /* going back: when a listing agreed */

    bool deposed, deposed_end;
    int64_t deposed_ms;
    bool absent; /* forward: told */
    int64_t watch_due_ms;
    bool release_failed;
    uint32_t lone_flight;  /* lone CREATEs at the router */
    bool lone_loose;       /* one of them got no answer */
    int64_t beat_again_ms; /* a heartbeat without an answer is sent again */
    int64_t signed_ms;     /* newest signature of a batch, Route 53's time */
};

enum fgoal { G_IDLE, G_TAKE, G_APPLY, G_BACK, G_RELEASE };

struct fence {
    struct fence_config cfg;
    struct router router;
    struct arena mem;
    char owner[LEASE_OWNER_MAX + 1];
    struct lease proto; /* fields every lease of this run shares */
    uint64_t random;

    struct fzone *zones[FENCE_ZONES_MAX];
    struct fzone *by_id[FENCE_ZONES_MAX];
    uint32_t n_zones;
    struct frec **recs;
    uint32_t n_recs, cap_recs;
    uint32_t *index; /* open addressing: record + 1 */
    uint32_t index_mask;
    bool ready, over;

    enum fgoal goal;
    uint32_t op, read_op; /* the command in flight, and fence_read()'s */
    uint32_t read_left;   /* zones fence_read() still waits for */
    struct fence_event read_worst;
    uint32_t percent, percent_to; /* last whole step; what is being written or was last */
    enum fence_take_how how;
    uint32_t take_rank; /* zone being taken */
    bool giving_back, applied_told, landed_told;
    struct fence_event failure; /* told once all is given back */
    int64_t release_until_ms;
    bool sent_told;
    bool restored;

    uint32_t seq, stamp, next_op;
    bool offset_known;
    int64_t offset_ms; /* Route 53's time minus boottime */
    bool baseline_dirty;
    bool went_back; /* a rollback was confirmed, and nothing was read since: its own listing */

    struct fop *ops;
    uint32_t n_ops, cap_ops;
    struct fbatch *batches;
    const struct fbatch *answering; /* its answer is being told: nobody frees it meanwhile */
    struct fence_event *events;
    uint32_t n_events, cap_events, head_events;
};

/* fence.c */
struct fence_event *event_add(struct fence *f, enum fence_event_kind kind, uint32_t op, bool final);
void event_zone(struct fence_event *e, const struct fzone *z, const struct flv *lease);
void event_text(struct fence_event *e, const char *fmt, ...) SL_PRINTF(2, 3);
void zone_go(struct fence *f, struct fzone *z, int64_t now);
void safe_copy(char *out, size_t size, const char *text);
const char *who(const struct flv *v, char out[160]);

/* fence_record.c */
bool records_ready(struct fence *f, struct err *err);
void zone_cut(struct fence *f, struct fzone *z);
uint32_t record_weight(const struct frec *r, uint32_t i, uint32_t percent);
bool record_targets(const struct frec *r, uint32_t percent, uint8_t out[]);
void record_listed(struct fence *f, struct fzone *z, struct freading *rd, const struct rrset *s);
uint32_t records_unseen(const struct fzone *z, const struct freading *rd, uint32_t from);
void records_finish(struct fence *f, struct fzone *z, struct freading *rd);
void records_landed(struct fence *f, struct fzone *z, const struct fbatch *b);
void records_add(struct fzone *z, struct fbatch *b);
void set_alt(struct fset *s, uint8_t weight);
void records_alt_clear(struct fzone *z, uint32_t lo, uint32_t hi);

/* fence_batch.c */
struct fbatch *batch_new(struct fence *f, struct fzone *z, enum bkind kind, uint32_t lo,
                         uint32_t hi, uint32_t percent, const struct flv *del,
                         enum lease_state state, int64_t now);
void batch_send(struct fence *f, struct fbatch *b, int64_t now);
void batch_drop(struct fence *f, struct fbatch *b);
void batch_close(struct fzone *z, struct fbatch *b);
void batch_detach(struct fence *f, struct fzone *z);
void batch_answered(struct fence *f, struct fbatch *b, const struct router_answer *a, int64_t now);
void lease_learn(struct fence *f, struct fzone *z, const struct flv *v, int64_t now);
void lease_prune(struct fence *f, struct fzone *z, int64_t now);
uint32_t lease_candidates(const struct fzone *z, const struct flv *out[OPEN_MAX + 1]);
void lv_from_list(struct fence *f, struct fzone *z, const struct rrset *sets, size_t n,
                  struct flv *out);
const struct flv *lv_known(const struct fzone *z, const struct flv *v);
bool lv_same(const struct flv *a, const struct flv *b);
enum lv_kind lv_kind(const struct fence *f, const struct lease *l);
uint64_t lv_gen(const struct flv *v);
uint32_t op_add(struct fence *f, struct fzone *z, enum router_op kind);
struct fop *op_last(struct fence *f);

/* fence_read.c */
void read_start(struct fence *f, struct fzone *z, uint8_t slot, bool lease, uint32_t lo,
                uint32_t hi, bool urgent, uint32_t tries_max, int64_t now);
void read_cancel(struct freading *rd);
void read_answer(struct fence *f, const struct fop *op, const struct router_answer *a, int64_t now);
void read_due(struct fence *f, struct fzone *z, uint8_t slot, int64_t now);

/* fence_take.c */
void take_start(struct fence *f, struct fzone *z, int64_t now);
void take_go(struct fence *f, struct fzone *z, int64_t now);
void take_moved(struct fence *f, struct fzone *z, int64_t now);
void take_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);
void take_answer(struct fence *f, struct fzone *z, struct fbatch *b, const struct router_answer *a,
                 int64_t now);

/* fence_forward.c */
void move_start(struct fence *f, struct fzone *z, int64_t now);
void move_go(struct fence *f, struct fzone *z, int64_t now);
void move_again(struct fence *f, struct fzone *z, int64_t now);
void forward_answer(struct fence *f, struct fzone *z, struct fbatch *b,
                    const struct router_answer *a, int64_t now);
void forward_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);
void beat_go(struct fence *f, struct fzone *z, int64_t now);
int64_t forward_due(const struct fence *f, const struct fzone *z);
void forward_fail(struct fence *f, struct fzone *z, enum fence_event_kind kind,
                  const struct freading *rd, const char *text, int64_t now);
void lone_send(struct fence *f, struct fzone *z, enum lease_state state, int64_t now);

/* fence_back.c */
void back_start(struct fence *f, struct fzone *z, int64_t now);
void back_go(struct fence *f, struct fzone *z, int64_t now);
void back_answer(struct fence *f, struct fzone *z, struct fbatch *b, const struct router_answer *a,
                 int64_t now);
void back_read_failed(struct fence *f, struct fzone *z, const struct freading *rd, int64_t now);
void back_check(struct fence *f);
int64_t back_due(const struct fzone *z);
void back_unsafe(struct fence *f, struct fzone *z, const struct frec *r, const char *field,
                 const char *text);
void back_denied(struct fence *f, struct fzone *z, const char *text);
void back_fault(struct fence *f, struct fzone *z, struct frec *r, const char *field,
                const char *text);
void back_left_out(struct fence *f, struct fzone *z, uint32_t lo, uint32_t hi);
void work_add(struct fzone *z, uint32_t lo, uint32_t hi, bool listed, int64_t due);
void work_remove(struct fzone *z, uint32_t i);
struct fwork *work_find(struct fzone *z, uint32_t lo, uint32_t hi);
struct fwork *work_next(struct fzone *z, int64_t now);
bool work_left(const struct fzone *z);

/* fence_mend.c */
/* A person has decided: where the lease is known to be gone, it is created and the rollback goes on. */
void back_make_anew(struct fzone *z, int64_t now);
void back_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);

/* fence_leave.c */
void release_go(struct fence *f, struct fzone *z, int64_t now);
void release_answer(struct fence *f, struct fzone *z, struct fbatch *b,
                    const struct router_answer *a, int64_t now);
void release_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);
void release_start(struct fence *f, int64_t now);
void release_check(struct fence *f, int64_t now);
void depose(struct fence *f, struct fzone *z, const struct flv *by, int64_t now);
void absent(struct fence *f, struct fzone *z, int64_t now);
void watch_go(struct fence *f, struct fzone *z, int64_t now);
void command_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);
void watch_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);

/* fence_sync.c */
void sync_add(struct fzone *z, const char *change_id, int64_t now);
void sync_clear(struct fzone *z);
void event_drift(struct fence *f, struct fzone *z, const struct freading *rd); /* unasked */
void sync_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now);
void sync_check(struct fence *f);
void sync_go(struct fence *f, struct fzone *z, int64_t now);
void sync_answer(struct fence *f, struct fzone *z, const struct router_answer *a, int64_t now);

static inline struct fzone *zone_of(const struct fence *f, const struct fbatch *b)
{
    return f->zones[b->zone];
}

#endif
