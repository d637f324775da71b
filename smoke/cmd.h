/* cmd.h: what smoke does beside running suites: it writes them. */
#ifndef SLUICE_SMOKE_CMD_H
#define SLUICE_SMOKE_CMD_H

#include "opts.h"

/* `smoke init URL [FILE]`: asks the url and a few usual places beside it, and writes a suite that
 * expects what they answered to FILE ("smoke.yaml"; "-": standard output). ERR_REFUSED where the
 * url does not answer well; an existing file is never replaced. */
bool cmd_init(const struct opts *opts, struct err *err) SL_MUST_CHECK;

/* `smoke import [curl ...]`: a suite from a curl command line to standard output. Without words it
 * reads the command line from standard input; a single word is split as a shell would. */
bool cmd_import(const struct opts *opts, struct err *err) SL_MUST_CHECK;

/* `smoke --check`: reads every suite, tells every error there is on standard error and the number
 * of checks of those without on standard output. ERR_FILE, told already, where one has an error. */
bool cmd_check(struct opts *opts, bool *told, struct err *err) SL_MUST_CHECK;

#endif
