/* finding.h: what judging one answer came to. */
#ifndef SLUICE_SMOKE_FINDING_H
#define SLUICE_SMOKE_FINDING_H

#include "sluice/buf.h"
#include "sluice/doc.h"
#include "sluice/run.h"

#define FINDING_SHOWN_MAX 200 /* bytes of a foreign value in a sentence */

/* A zeroed struct is a pass. The texts are safe to show: foreign bytes went through text_add_safe(). */
struct finding {
    enum run_verdict verdict;
    bool throttled;
    struct buf sentence; /* "status is 502, expected 200" */
    struct buf met, expected;
    const struct doc_node *at; /* the line that was not met */
};

static inline void finding_clear(struct finding *f)
{
    buf_clear(&f->sentence);
    buf_clear(&f->met);
    buf_clear(&f->expected);
    *f = (struct finding){0};
}

#endif
