/* report_words.h: foreign text on its way into a report: secrets out first, then control bytes,
 * then what the report's own format takes for more than text. */
#ifndef SLUICE_SMOKE_REPORT_WORDS_H
#define SLUICE_SMOKE_REPORT_WORDS_H

#include "report.h"

#define REPORT_WORDS_MAX                                                                           \
    ((size_t)20 * 1024) /* bytes taken of one line: more than a curl line has */

/* s without secrets and control bytes; with `lines` newlines stay. NULL is "". */
void report_add_safe(struct buf *out, const char *s, bool lines);

void report_add_xml(struct buf *out, const char *s, bool lines); /* XML 1.0 and HTML text */
void report_add_json_text(struct buf *out, const char *s);       /* quoted; also good YAML */
void report_add_markdown(struct buf *out, const char *s);        /* one cell of a table */
void report_add_command(struct buf *out, const char *s,
                        bool inside);                  /* GitHub; inside: a property */
void report_add_label(struct buf *out, const char *s); /* Prometheus label value */

/* The entry's title, its check's place, and the sentence of what did not pass. */
void report_title(const struct report *report, const struct report_entry *e, struct buf *out);
const struct doc_node *report_place(const struct report *report, const struct report_entry *e);
const char *report_sentence(const struct report_entry *e);

/* How an entry counts, apart from words. */
enum report_kind {
    REPORT_OK,
    REPORT_FLAKY,
    REPORT_FAILED,
    REPORT_ERROR,
    REPORT_WARNED,
    REPORT_NOT_RUN
};
enum report_kind report_kind_of(const struct report *report, const struct report_entry *e);

#endif
