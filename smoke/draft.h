/* draft.h: writes a suite for a person to go on with: what `smoke init` saw at a url, what
 * `smoke import` read on a curl command line. */
#ifndef SLUICE_SMOKE_DRAFT_H
#define SLUICE_SMOKE_DRAFT_H

#include "curl_line.h"
#include "sluice/buf.h"
#include "sluice/err.h"
#include "sluice/http.h"

/* One page that init looked at. Borrowed; response->outcome is HTTP_OK. */
struct draft_page {
    const char *name; /* of the check */
    const char *path; /* with its query */
    const struct http_response *response;
};

#define DRAFT_PAGES_MAX 8

/* Appends s as a YAML scalar that reads back as the text s, with "{{" kept from being a template.
 */
void draft_add_text(struct buf *out, const char *s, size_t len);

/* Appends a suite that expects of each page what it just gave. wall_ms: now, for certificates. */
void draft_pages(struct buf *out, const char *base_url, const struct draft_page *pages, size_t n,
                 int64_t wall_ms);

/* Appends a suite of one check that sends what the curl command line sends. Credentials in it are
 * left out: they become secrets of the environment, whose names go to `needed`, one a line. */
void draft_curl(struct buf *out, const struct curl_line *line, struct buf *needed);

/* True when text is a suite that loads: what was drafted is proven before it is handed on.
 * ERR_BUG otherwise. */
bool draft_check(const struct buf *text, struct err *err) SL_MUST_CHECK;

#endif
