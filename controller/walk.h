/* walk.h: a run, put together: rig, survey, endpoints, fence, pump, machine, journal; then driven
 * to its end.
 *
 * `ramp` begins one, `resume` goes on with one, `rollback` goes back with or without one. */
#ifndef SLUICE_WALK_H
#define SLUICE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "drive.h"
#include "endpoints.h"
#include "journal_file.h"
#include "lint.h"
#include "rig.h"
#include "survey.h"

#define WALK_FOREVER INT64_MAX

struct walk {
    struct rig rig;
    struct survey survey;
    struct lint_facts facts; /* of walk_lint() */
    struct endpoints endpoints;
    struct verify_servers servers;
    struct fence *fence;
    struct pump *pump;
    struct ramp *ramp;
    int state_fd, lock_fd;
    struct journal *journal;
    char run[32];
    char journal_name[JOURNAL_NAME_MAX]; /* the newest of this cutover; "" none */
    struct journal_reading last;         /* its end, when there is one */
    bool have_last;
    json_t *saved; /* of `ramp --plan`; NULL: none is held against what stands */
    json_t *kept;  /* {"baseline", "endpoints", "plan_hash"}: what the journal keeps of them */
};

/* NULL is not returned; walk_free() ends all. */
struct walk *walk_new(void);
/* Takes what is secret out of err first: who prints it does so when the secrets are gone. */
void walk_free(struct walk *w, struct err *err);

/* Opens the state directory and takes the cutover's lock (ERR_BUSY), then reads the newest journal,
 * or that of opts->run. */
bool walk_open_state(struct walk *w, struct err *err) SL_MUST_CHECK;
/* A journal is there and its run has not come to an end. */
bool walk_unfinished(const struct walk *w);
/* The same of the state a journal's last line holds. */
bool walk_state_unfinished(const json_t *state);

/* Reads the zones and says what was found on standard error. ERR_REFUSED when something is in the
 * way; asking about what is to be asked is the caller's. */
bool walk_survey(struct walk *w, struct err *err) SL_MUST_CHECK;
/* Those of a level, from the from-th finding on. */
void walk_say_findings(const struct walk *w, enum survey_level level, size_t from);

/* Asks what the lints need to know and adds their findings to the survey, those that need the
 * probes in walk_prepare(). walk_survey() does it. */
void walk_lint(struct walk *w);

/* Endpoints, fence and pump of a new run, from the survey. */
bool walk_prepare(struct walk *w, struct err *err) SL_MUST_CHECK;
/* A new journal with its first line; w->ramp is initialised with options. */
bool walk_begin(struct walk *w, const struct ramp_options *options, struct err *err) SL_MUST_CHECK;
/* Fence, pump (with probes) and machine as the journal left them. */
bool walk_restore(struct walk *w, bool probes, struct err *err) SL_MUST_CHECK;

/* Drives it to its end, prints the result, returns the exit status. */
int walk_go(struct walk *w, enum ramp_start start, struct err *err);

/* Asks a person; true for exactly "yes". Nobody there: ERR_USAGE that names --yes. */
bool walk_confirm(const struct walk *w, const char *question, struct err *err) SL_MUST_CHECK;

/* The name of a cutover: of the plan when word is a file, else word itself. */
bool walk_cutover_of(const char *word, struct buf *out, struct err *err) SL_MUST_CHECK;

#endif
