/* lint_read.h: what lints need to know and the listing does not tell: asked of AWS, of the suites
 * and of this machine, before the loop. Reads only. What cannot be asked (a policy that does not
 * allow it, an API that is out of reach) is kept in facts->unread and stops nothing. */
#ifndef SLUICE_LINT_READ_H
#define SLUICE_LINT_READ_H

#include "lint.h"
#include "rig.h"

/* Fills facts for the survey just made; everything in it lives in rig->mem. Of a zone
 * named by its name the others of that name are known, so only those named by id are asked about. */
void lint_read(struct rig *rig, const struct survey *s, struct lint_facts *facts);

#endif
