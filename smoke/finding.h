/* finding.h: what judging one answer came to. */
#ifndef SLUICE_SMOKE_FINDING_H
#define SLUICE_SMOKE_FINDING_H

#include "sluice/buf.h"
#include "sluice/doc.h"
#include "sluice/run.h"
#include "sluice/secret.h"
#include "sluice/text.h"

#define FINDING_SHOWN_MAX 200 /* bytes of a foreign value in a sentence */

/* A zeroed struct is a pass. The texts are safe to show: foreign bytes went through
 * finding_add_shown(). */
struct finding {
    enum run_verdict verdict;
    bool throttled;
    struct buf sentence; /* "status is 502, expected 200" */
    struct buf met, expected;
    const struct doc_node *at; /* the line that was not met */
    struct buf warning;        /* with a pass: what `warn:` asks for and was not met */
    const struct doc_node *warning_at;
};

static inline void finding_clear(struct finding *f)
{
    buf_clear(&f->sentence);
    buf_clear(&f->met);
    buf_clear(&f->expected);
    buf_clear(&f->warning);
    *f = (struct finding){0};
}

/* Some bytes of a foreign value. Secrets go before it is cut: half a secret is not known again
 * later. */
static inline void finding_add_shown(struct buf *out, const struct secret_set *secrets,
                                     const char *s, size_t len)
{
    size_t kept = len < 4 * FINDING_SHOWN_MAX ? len : 4 * FINDING_SHOWN_MAX;
    struct buf text SL_CLEANUP(buf_wipe) = {0};

    buf_add(&text, s, kept);
    if (kept < len)
        secret_redact_cut(secrets, &text);
    else
        secret_redact(secrets, &text);
    text_add_safe(out, buf_str(&text), text.len, FINDING_SHOWN_MAX);
}

#endif
