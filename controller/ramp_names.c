/* ramp_names.c: names of everything a journal, a report or a person may see, and the journal's
 * table. */
#include "ramp_inside.h"

#include <string.h>

#define NAME_OF(table, i)                                                                          \
    ((size_t)(i) < sizeof(table) / sizeof((table)[0]) && (table)[i] ? (table)[i] : "unknown")

static const char *const phases[] = {
    [RAMP_PREFLIGHT] = "preflight",     [RAMP_APPLYING] = "applying",
    [RAMP_VERIFYING] = "verifying",     [RAMP_DRAINING] = "draining",
    [RAMP_BAKING] = "baking",           [RAMP_APPROVING] = "approving",
    [RAMP_PAUSED] = "paused",           [RAMP_HELD] = "held",
    [RAMP_SOAKING] = "soaking",         [RAMP_REVERTING] = "reverting",
    [RAMP_UNSAFE] = "unsafe",           [RAMP_COMPLETED] = "completed",
    [RAMP_ROLLED_BACK] = "rolled_back", [RAMP_REFUSED] = "refused",
    [RAMP_INTERRUPTED] = "interrupted", [RAMP_DEPOSED] = "deposed",
};
_Static_assert(sizeof(phases) / sizeof(phases[0]) == RAMP_PHASE_COUNT, "a name for every phase");

static const struct {
    const char *name, *text;
} whys[] = {
    [RAMP_WHY_NONE] = {"none", "nothing wrong"},
    [RAMP_WHY_CUSUM] = {"cusum", "the new fleet fails too many checks"},
    [RAMP_WHY_CONFIRMED] = {"confirmed",
                            "one check fails on the new fleet every time and passes on the old"},
    [RAMP_WHY_GATE] = {"gate", "the new fleet failed more than is allowed over the whole bake"},
    [RAMP_WHY_FAILURE_LIMIT] = {"failure_limit", "failure_limit reached"},
    [RAMP_WHY_CONSECUTIVE] = {"consecutive_failures", "consecutive_failures reached"},
    [RAMP_WHY_BOTH_FLEETS] = {"both_fleets", "both fleets fail"},
    [RAMP_WHY_NO_WAY_BACK] = {"no_way_back", "the old fleet fails: there is no way back"},
    [RAMP_WHY_NO_CONTROL] = {"no_control",
                             "the new fleet fails checks that the old one is not asked"},
    [RAMP_WHY_INCONCLUSIVE] = {"inconclusive", "not enough evidence in three times the bake"},
    [RAMP_WHY_VERIFY] = {"verify", "DNS does not answer as written"},
    [RAMP_WHY_SLOW] = {"slow", "the new fleet is slower than the old"},
    [RAMP_WHY_DRIFT] = {"drift", "somebody else changed the records"},
    [RAMP_WHY_HALF_APPLIED] = {"half_applied",
                               "a step could not be applied whole and was taken back"},
    [RAMP_WHY_WRITE_REFUSED] = {"write_refused", "a step could not be applied"},
    [RAMP_WHY_JOURNAL] = {"journal", "the journal cannot be written"},
    [RAMP_WHY_CREDENTIALS] = {"credentials", "the credentials end too soon"},
    [RAMP_WHY_WINDOW] = {"window", "the next step would end after not_after"},
    [RAMP_WHY_HELD_TOO_LONG] = {"held_too_long", "held for longer than max_hold"},
    [RAMP_WHY_OPERATOR] = {"operator", "asked for by a person"},
    [RAMP_WHY_SIGINT] = {"sigint", "interrupted"},
    [RAMP_WHY_SIGTERM] = {"sigterm", "terminated"},
    [RAMP_WHY_CRASH] = {"crash", "the run before ended without saying so"},
    [RAMP_WHY_LEASE_ABSENT] = {"lease_absent", "the lease record is gone"},
    [RAMP_WHY_RECORD_FAULT] = {"record_fault", "Route 53 refuses some of the records"},
    [RAMP_WHY_UNCONFIRMED] = {"unconfirmed", "no definite answer from Route 53"},
    [RAMP_WHY_DENIED] = {"denied", "AWS does not allow it"},
    [RAMP_WHY_BUSY] = {"busy", "another run holds the lease"},
    [RAMP_WHY_DEPOSED] = {"deposed", "another run took the lease"},
    [RAMP_WHY_FINDING] = {"finding", "preflight found something to mend first"},
    [RAMP_WHY_NEW_FAILS] = {"new_fails",
                            "a check fails on the new fleet before anything was changed"},
    [RAMP_WHY_BOTH_FAIL] = {"both_fail",
                            "a check fails on both fleets before anything was changed"},
    [RAMP_WHY_OLD_FAILS] = {"old_fails",
                            "a check fails on the old fleet: there would be no way back"},
    [RAMP_WHY_NO_EVIDENCE] = {"no_evidence", "a required check could not be judged"},
    [RAMP_WHY_ABOVE_TARGET] = {"above_target", "the new fleet has more than rollback_to already"},
    [RAMP_WHY_READ_FAILED] = {"read_failed", "the records could not be read"},
    [RAMP_WHY_GOAL] = {"goal", "goal reached"},
};
_Static_assert(sizeof(whys) / sizeof(whys[0]) == RAMP_WHY_COUNT, "a name for every reason");

static const char *const events[] = {
    [RAMP_EV_START] = "start",       [RAMP_EV_TICK] = "tick",
    [RAMP_EV_DONE] = "done",         [RAMP_EV_SYNCED] = "synced",
    [RAMP_EV_PROBE] = "probe",       [RAMP_EV_ROUND] = "round",
    [RAMP_EV_OPERATOR] = "operator", [RAMP_EV_SIGNAL] = "signal",
    [RAMP_EV_GAP] = "gap",           [RAMP_EV_DRIFT] = "drift",
    [RAMP_EV_DEPOSED] = "deposed",   [RAMP_EV_JOURNAL_DEAD] = "journal_dead",
    [RAMP_EV_REACH] = "reach",       [RAMP_EV_CREDENTIALS] = "credentials",
    [RAMP_EV_WINDOW] = "window",     [RAMP_EV_REVERTING] = "reverting",
};
_Static_assert(sizeof(events) / sizeof(events[0]) == RAMP_EV_COUNT, "a name for every event");

static const char *const actions[] = {
    [RAMP_ACT_READ] = "read",         [RAMP_ACT_TAKE] = "take",       [RAMP_ACT_APPLY] = "apply",
    [RAMP_ACT_VERIFY] = "verify",     [RAMP_ACT_PROBES] = "probes",   [RAMP_ACT_ASK] = "ask",
    [RAMP_ACT_ROLLBACK] = "rollback", [RAMP_ACT_RELEASE] = "release", [RAMP_ACT_NOTIFY] = "notify",
    [RAMP_ACT_EXIT] = "exit",
};
_Static_assert(sizeof(actions) / sizeof(actions[0]) == RAMP_ACT_COUNT, "a name for every action");

static const char *const outcomes[] = {
    [RAMP_OK] = "ok",
    [RAMP_NOT_SENT] = "not_sent",
    [RAMP_DENIED] = "denied",
    [RAMP_BUSY] = "busy",
    [RAMP_REFUSED_RECORD] = "refused_record",
    [RAMP_DRIFTED] = "drifted",
    [RAMP_IS_DEPOSED] = "deposed",
    [RAMP_IS_LEASE_ABSENT] = "lease_absent",
    [RAMP_UNCONFIRMED] = "unconfirmed",
    [RAMP_FAILED] = "failed",
    [RAMP_IS_REVERTING] = "reverting",
};
_Static_assert(sizeof(outcomes) / sizeof(outcomes[0]) == RAMP_OUTCOME_COUNT,
               "a name for every outcome");

static const char *const notices[] = {
    [RAMP_NOTICE_PHASE] = "phase",
    [RAMP_NOTICE_HELD] = "held",
    [RAMP_NOTICE_BREACH] = "breach",
    [RAMP_NOTICE_UNSAFE] = "unsafe",
    [RAMP_NOTICE_PENDING] = "pending",
    [RAMP_NOTICE_JOURNAL] = "journal",
    [RAMP_NOTICE_RELEASE_FAILED] = "release_failed",
    [RAMP_NOTICE_SIGNAL_AGAIN] = "signal_again",
};
_Static_assert(sizeof(notices) / sizeof(notices[0]) == RAMP_NOTICE_COUNT,
               "a name for every notice");

static const char *const wishes[] = {
    [RAMP_DO_PAUSE] = "pause",       [RAMP_DO_RESUME] = "resume", [RAMP_DO_APPROVE] = "approve",
    [RAMP_DO_ROLLBACK] = "rollback", [RAMP_DO_QUIT] = "quit",
};
_Static_assert(sizeof(wishes) / sizeof(wishes[0]) == RAMP_DO_COUNT, "a name for every wish");

#define SCALAR(member)                                                                             \
    {                                                                                              \
#member, offsetof(struct ramp_core, member), 1                                             \
    }
#define SUITE(i)                                                                                   \
    {                                                                                              \
        "suite" #i, offsetof(struct ramp_core, suite) + (i) * sizeof(struct ramp_suite),           \
            sizeof(struct ramp_suite) / sizeof(int64_t)                                            \
    }

const struct ramp_field ramp_fields[] = {
    SCALAR(phase),
    SCALAR(why),
    SCALAR(why_index),
    SCALAR(step),
    SCALAR(full_step),
    SCALAR(last_step),
    SCALAR(goal_percent),
    SCALAR(start_percent),
    SCALAR(ttl_ms),
    SCALAR(written),
    SCALAR(taken),
    SCALAR(target),
    SCALAR(after_revert),
    SCALAR(back_why),
    SCALAR(back_index),
    SCALAR(asked),
    SCALAR(breached),
    SCALAR(pend_phase),
    SCALAR(pend_why),
    SCALAR(pend_index),
    SCALAR(reading),
    SCALAR(listing),
    SCALAR(in_soak),
    SCALAR(old_stratum),
    SCALAR(start),
    SCALAR(signals),
    SCALAR(over),
    SCALAR(exit_status),
    SCALAR(next_op),
    SCALAR(op),
    SCALAR(op_kind),
    SCALAR(op_done),
    SCALAR(read_op),
    SCALAR(attempts),
    SCALAR(phase_at_ms),
    SCALAR(wait_until_ms),
    SCALAR(in_sync),
    SCALAR(synced_at_ms),
    SCALAR(unsafe_at_ms),
    SCALAR(hold_until_ms),
    SCALAR(read_at_ms),
    SCALAR(opens_at_ms),
    SCALAR(closes_at_ms),
    SCALAR(looks),
    SCALAR(journal_dead),
    SCALAR(unreachable),
    SCALAR(credentials_short),
    SCALAR(options),
    SCALAR(seed),
    SCALAR(suites_n),
    SUITE(0),
    SUITE(1),
    SUITE(2),
    SUITE(3),
    SUITE(4),
    SUITE(5),
    SUITE(6),
    SUITE(7),
};
const uint32_t ramp_fields_n = sizeof(ramp_fields) / sizeof(ramp_fields[0]);
_Static_assert(PLAN_SUITES_MAX == 8, "a row for every suite");
_Static_assert(sizeof(struct ramp_suite) % sizeof(int64_t) == 0, "whole numbers only");

const char *ramp_phase_name(enum ramp_phase phase)
{
    return NAME_OF(phases, phase);
}

enum ramp_phase ramp_phase_find(const char *name)
{
    int i = 0;

    while (i < RAMP_PHASE_COUNT && strcmp(phases[i], name) != 0)
        i++;
    return (enum ramp_phase)i;
}

const char *ramp_why_name(enum ramp_why why)
{
    return (size_t)why < RAMP_WHY_COUNT ? whys[why].name : "unknown";
}

const char *ramp_why_text(enum ramp_why why)
{
    return (size_t)why < RAMP_WHY_COUNT ? whys[why].text : "unknown";
}

const char *ramp_event_name(enum ramp_event_kind kind)
{
    return NAME_OF(events, kind);
}

const char *ramp_action_name(enum ramp_action_kind kind)
{
    return NAME_OF(actions, kind);
}

const char *ramp_outcome_name(enum ramp_outcome outcome)
{
    return NAME_OF(outcomes, outcome);
}

const char *ramp_notice_name(enum ramp_notice notice)
{
    return NAME_OF(notices, notice);
}

const char *ramp_operator_name(enum ramp_operator op)
{
    return NAME_OF(wishes, op);
}
