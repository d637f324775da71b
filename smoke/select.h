/* select.h: which checks and rows --only and --skip leave. A word is a tag, a check's name as the
 * file has it, or the name of one of its rows; * and ? match as in file names. */
#ifndef SLUICE_SMOKE_SELECT_H
#define SLUICE_SMOKE_SELECT_H

#include "opts.h"

bool select_row(const struct opts *opts, const struct suite *suite, const struct suite_check *check,
                uint32_t row);
bool select_check(const struct opts *opts, const struct suite *suite,
                  const struct suite_check *check);

/* The word of --only or --skip that names nothing at all, with the nearest that does; NULL: none.
 * Such a word is a mistake, and must not make a gate smaller than its author thinks. */
bool select_check_words(const struct opts *opts, struct suite *const *suites, size_t n,
                        struct err *err) SL_MUST_CHECK;

#endif
