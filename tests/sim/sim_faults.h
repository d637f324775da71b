/* sim_faults.h: the catalogue of what goes wrong in the simulated world: one kind, one row.
 *
 * A kind is met in a seed when it truly happened there, not when it might have: the place in the
 * world where it happens says so. docs/faults.md lists the same kinds, in the same order. */
#ifndef SLUICE_SIM_FAULTS_H
#define SLUICE_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum sim_fault {
    /* requests and answers */
    FAULT_REQUEST_LOST,
    FAULT_REPLY_LOST,
    FAULT_REQUEST_LATE,
    FAULT_REQUEST_TWICE,
    FAULT_REQUEST_DIES,
    FAULT_THROTTLED,
    FAULT_PRIOR_REQUEST,
    FAULT_REFUSED_UNEXPLAINED,
    FAULT_RECORD_REFUSED,
    FAULT_SERVER_ERROR,
    FAULT_SERVER_ERROR_DONE,
    FAULT_ANSWER_SLOW,
    FAULT_ANSWER_UNDATED,
    FAULT_API_OUTAGE,
    /* readings, and INSYNC */
    FAULT_READING_LOST,
    FAULT_READING_TORN,
    FAULT_READING_SHORT,
    FAULT_POLL_LOST,
    FAULT_CHANGE_FORGOTTEN,
    FAULT_PENDING_LONG,
    FAULT_PENDING_ENDLESS,
    FAULT_WEIGHT_NOT_COMPARED,
    /* rights and credentials */
    FAULT_NEVER_ALLOWED,
    FAULT_DENIED_MID_RUN,
    FAULT_DENIED_IN_ONE_ZONE,
    FAULT_CREDENTIALS_EXPIRED,
    FAULT_CREDENTIALS_SHORT,
    /* a foreign hand in the zone */
    FAULT_EDITED_WEIGHT,
    FAULT_EDITED_VALUE,
    FAULT_EDITED_TTL,
    FAULT_EDITED_HEALTH_CHECK,
    FAULT_SET_REMOVED,
    FAULT_SET_ADDED,
    FAULT_RECORD_SIMPLE,
    FAULT_REAPPLIED,
    FAULT_LEASE_REMOVED,
    FAULT_LEASE_UNREADABLE,
    FAULT_LEASE_TTL,
    /* other controllers */
    FAULT_RIVAL_RAMP,
    FAULT_RIVAL_ROLLBACK,
    FAULT_RIVAL_TAKES_OVER,
    /* the process */
    FAULT_CRASH,
    FAULT_CRASH_IN_RECOVERY,
    FAULT_FROZEN,
    FAULT_FROZEN_PAST_LEASE,
    FAULT_TERMINATED,
    FAULT_FORCED_OUT,
    FAULT_NOBODY_THERE,
    /* its disk */
    FAULT_FSYNC_SLOW,
    FAULT_FSYNC_HANGS,
    FAULT_FSYNC_FAILS,
    FAULT_DISK_FULL,
    FAULT_LINES_LOST,
    FAULT_LINE_TORN,
    FAULT_LINES_REORDERED,
    FAULT_JOURNAL_GARBLED,
    /* its clock */
    FAULT_CLOCK_WRONG,
    FAULT_CLOCK_STEPS,
    /* fleets, probes, DNS */
    FAULT_NEW_BAD,
    FAULT_ONE_CHECK_BAD,
    FAULT_BOTH_BAD,
    FAULT_OLD_BAD,
    FAULT_FLAPPING,
    FAULT_NEW_SLOW,
    FAULT_NETWORK_GONE,
    FAULT_PROBES_BLIND,
    FAULT_PROBES_HANG,
    FAULT_DNS_DISAGREES,
    FAULT_DNS_SLOW,
    FAULT_COUNT
};

struct sim_fault_row {
    const char *name; /* as in docs/faults.md */
    const char *text;
};
extern const struct sim_fault_row sim_faults[FAULT_COUNT];

/* How runs ended, by kind. Zeroed to begin with. */
struct sim_catalogue {
    uint64_t runs[FAULT_COUNT];
    uint64_t ends[FAULT_COUNT][16]; /* enum sim_end */
};

struct sim;
void fault_met(struct sim *s, enum sim_fault kind);
void catalogue_add(struct sim_catalogue *c, const struct sim *s);
/* As the rows of a Markdown table. False when a kind was never met. */
bool catalogue_print(const struct sim_catalogue *c);
void catalogue_names(void); /* one a line */
/* Draws what is to go wrong in a seed. */
void faults_draw(struct sim *s);

#endif
