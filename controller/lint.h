/* lint.h: what goes wrong in cutovers, looked for before one begins.
 *
 * The survey says whether the records can be moved at all; the lints say what the move will meet:
 * who else writes these records, who does not follow them, what a failing health check does, what
 * the probes cannot see. Each is one row of a table: an id, a level, a function that adds findings
 * to the survey. Pure: what must be asked of AWS or of this machine is asked before and handed over
 * in struct lint_facts (lint_read.h). The reasons are in docs/preflight.md, one heading an id. */
#ifndef SLUICE_LINT_H
#define SLUICE_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "route53_xml.h"
#include "survey.h"

#define LINT_EACH_MAX   10 /* findings of one lint; what is more is one line with its number */
#define LINT_ZONES_MAX  64 /* of a survey */
#define LINT_CHECKS_MAX 32 /* health checks and policy instances that are asked for */

/* A health check that a set of the plan hangs on, as AWS tells. */
struct lint_health {
    const char *id;
    bool gone;                 /* there is no such check any more */
    struct route53_check told; /* zero when it could not be read */
};

/* What a suite sends, as far as lints look at it. */
struct lint_probe {
    uint32_t suite;
    const char *host; /* of its first request, as written: may hold {{...}}; "" when not known */
    const char *pin;  /* the record it says it is of, or NULL */
    const char *name; /* of the check; NULL: not known */
    const char *flow; /* it signs in, by the look of it: what it gets last, "/dashboard"; or NULL */
    bool crosses;     /* it goes on on the other side */
    bool sides[PLAN_SIDES];
    bool required; /* counts as evidence */
    bool https;
    bool certificate; /* something is expected of the certificate's days */
};

/* A TLS handshake with an endpoint of the new side that came about. */
struct lint_shake {
    const char *host, *at;      /* "www.example.com", "203.0.113.5:443" */
    int64_t begins_ms, ends_ms; /* of the certificate; Unix ms */
    int64_t chain_ends_ms;      /* the earliest end in its chain */
};

/* The one that did not; host NULL: none. reason is safe to show. */
struct lint_shake_failed {
    const char *host, *at, *reason;
    int64_t wall_s;  /* when; Unix s */
    bool remembered; /* not now: it is too soon for another */
};

struct lint_facts {
    const char
        *twins[LINT_ZONES_MAX]; /* of each zone of the survey: other zones of its name, or NULL */
    const char
        *unread[LINT_ZONES_MAX]; /* what could not be asked, with the reason: one line each */
    size_t n_unread;
    struct lint_health checks[LINT_CHECKS_MAX];
    size_t n_checks;
    struct route53_policy policies[LINT_CHECKS_MAX];
    size_t n_policies;
    const struct lint_probe *probes;
    size_t n_probes;
    int64_t skew_ms; /* how far AWS's clock is ahead of ours */
    struct lint_shake *shakes;
    size_t n_shakes;
    struct lint_shake_failed shake_failed;
    int64_t now_ms;       /* wall clock, with shakes */
    int64_t keys_left_ms; /* of the credentials; INT64_MAX when they have no end */
};

/* What must be known for a lint. */
enum lint_when {
    LINT_RECORDS,
    LINT_STRATA,     /* plan->strata: once the probes are known */
    LINT_HANDSHAKES, /* facts->shakes */
};

struct lint_row {
    const char *id;
    enum survey_level level;
    enum lint_when when;
};

/* Adds the findings of the lints whose time has come. */
void lint_eval(struct survey *s, const struct plan *plan, const struct lint_facts *facts,
               enum lint_when when);

/* True when failing health checks take the whole new side of the record out by themselves: every
 * set of it hangs on one, none of which is gone, disabled or looks up the record's own name. */
bool lint_armed(const struct survey_record *r, const struct lint_facts *facts);

/* Row i of the table; NULL past the end. */
const struct lint_row *lint_row(size_t i);

#endif
