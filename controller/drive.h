/* drive.h: the loop. Carries events to the machine (ramp.h) and its actions away.
 *
 *   signals keyboard control journal probes Route 53  ──►  ramp_step()  ──►  actions
 *                                                                  │           all but forward
 * writes: at once └──► journal ──► synced ──► forward writes
 *
 * One wait, one thread (the journal's writer apart). It never waits longer than a second, so that a
 * longer gap between two turns means that the machine slept: what was measured across it is
 * dropped. A rollback is performed before its journal line is even formatted. */
#ifndef SLUICE_DRIVE_H
#define SLUICE_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "fence.h"
#include "journal_file.h"
#include "notify.h"
#include "ramp.h"
#include "rig.h"
#include "sluice/pump.h"
#include "verify.h"
#include "view.h"

#define DRIVE_TURN_MS  1000  /* a turn lasts no longer */
#define DRIVE_GAP_MS   2000  /* a longer one is a gap: design.md section 5.9 */
#define DRIVE_DISK_MS  10000 /* a journal line that takes longer is a dead journal */
#define DRIVE_STOP_MS  4000  /* from a signal to the exit, unless it rolls back */
#define DRIVE_KEYS_MS  (15 * 60 * 1000)
#define DRIVE_LEAVE_MS 2000 /* for the journal's last lines and notices */

/* All borrowed but for what drive_run() says. */
struct drive_setup {
    struct rig *rig;
    struct fence *fence;
    struct pump *pump;       /* NULL: nothing is probed (a rollback without a run) */
    struct ramp *ramp;       /* initialised or restored */
    struct journal *journal; /* NULL: none is kept (a rollback from another machine) */
    struct view *view;
    struct control *control;              /* may be NULL */
    struct notify *notify;                /* may be NULL */
    const struct verify_servers *servers; /* NULL: DNS is not asked */
    const char *run;
    enum ramp_start start;
    int64_t at_ms; /* --at, Unix ms; 0: none */
};

/* Goes on until the run is over or a second signal ends it; returns the exit status. Signals are
 * the loop's meanwhile. ERR_IO when waiting itself is impossible. */
int drive_run(const struct drive_setup *setup, struct err *err);

/* How long credentials must live to be good for going on: a drain and 15 minutes. */
int64_t drive_keys_need_ms(const struct fence *f, const struct plan *plan);

/* What stands at the end, on standard output: a line for people or a JSON object. */
void drive_print_result(const struct drive_setup *setup, int status);

#endif
