/* conversion.h: what prepare, finish and release share: a plan opened where no run is alive, a
 * conversion (convert.h) shown and asked for, and made on a desk (desk.h). */
#ifndef SLUICE_CONVERSION_H
#define SLUICE_CONVERSION_H

#include "desk.h"
#include "walk.h"

/* Loads opts->args[0], opens the state directory and reads the zones. ERR_REFUSED: a run of the
 * cutover is not over. */
bool conversion_open(struct walk *w, const struct opts *opts, struct err *err) SL_MUST_CHECK;

/* ERR_REFUSED when records are in the way; each is said. */
bool conversion_possible(const struct convert *c, struct err *err) SL_MUST_CHECK;

/* Shows the changes below a line that says what they are for, and asks. False: no, or err. */
bool conversion_ask(struct walk *w, const struct convert *c, const char *what,
                    struct err *err) SL_MUST_CHECK;

/* Takes the zones, makes every batch, gives the zones back. Their leases go on saying which TTL the
 * records had before prepare, unless these changes give it back (ttls_restored), and that nothing moves
 * before answers that live longer than the new ones are gone. After a failure err says how many batches
 * were made. */
bool conversion_make(struct walk *w, struct desk *d, const struct convert *c, bool ttls_restored,
                     struct err *err) SL_MUST_CHECK;

#endif
