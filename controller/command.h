/* command.h: the commands of sluice, one cmd_X.c each. Each returns the exit status (design.md
 * section 3), or sets err, which main prints once and turns into a status by its kind. */
#ifndef SLUICE_COMMAND_H
#define SLUICE_COMMAND_H

#include "opts.h"
#include "sluice/err.h"

int cmd_check(const struct opts *opts, struct err *err);
int cmd_plan(const struct opts *opts, struct err *err);
int cmd_iam_policy(const struct opts *opts, struct err *err);
int cmd_observe(const struct opts *opts, struct err *err);
int cmd_ramp(const struct opts *opts, struct err *err);
int cmd_recover(const struct opts *opts, struct err *err);
int cmd_resume(const struct opts *opts, struct err *err);
int cmd_pause(const struct opts *opts, struct err *err);
int cmd_approve(const struct opts *opts, struct err *err);
int cmd_rollback(const struct opts *opts, struct err *err);
int cmd_prepare(const struct opts *opts, struct err *err);
int cmd_finish(const struct opts *opts, struct err *err);
int cmd_release(const struct opts *opts, struct err *err);
int cmd_status(const struct opts *opts, struct err *err);

#endif
