/* secret.h: values that must never be seen, and the redactor that sees to it.
 *
 * A set is filled once, at the start. Values are kept byte for byte; a `file`, `credential` or
 * `command` loses one trailing newline, nothing else. secret_redact() replaces every occurrence of
 * any value by [secret.NAME]: as it stands; with any of its bytes percent-, JSON-, HTML- or
 * log-escaped; in hex of either case; in base64 and base64url at all three alignments, so that
 * "user:password" in an Authorization header is found too.
 *
 * Values shorter than SECRET_BYTES_MIN are refused at loading: replacing "a" everywhere would hide
 * nothing and spoil everything, so the promise could not be kept for them. */
#ifndef SLUICE_SECRET_H
#define SLUICE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/err.h"

#define SECRET_BYTES_MIN  4
#define SECRET_BYTES_MAX  ((size_t)64 * 1024)
#define SECRETS_MAX       256 /* loaded and tainted together; the oldest tainted ones give way */
#define SECRET_COMMAND_MS 30000

struct secret_set; /* opaque */

enum secret_source {
    SECRET_ENV,        /* from: name of the variable */
    SECRET_FILE,       /* from: path */
    SECRET_CREDENTIAL, /* from: name below $CREDENTIALS_DIRECTORY (systemd LoadCredential=) */
    SECRET_COMMAND,    /* argv: run without a shell, 30 s, standard output; exit status must be 0 */
};

struct secret_spec {
    const char *name; /* "password", used as {{secret.password}} */
    enum secret_source source;
    const char *from;
    const char *const *argv; /* NULL-terminated; SECRET_COMMAND only */
    struct pos pos;          /* where the file says so, for messages; zeroed: none */
};

struct secret_set *secret_new(void);
/* Wipes every value. Stops being the sink's set if it was. NULL is fine. */
void secret_free(struct secret_set *set);

/* Loads all n, in order; the first failure ends it (ERR_FILE, message without the value). Blocking:
 * commands run one after another. A name twice is a bug. */
bool secret_load(struct secret_set *set, const struct secret_spec *specs, size_t n,
                 struct err *err) SL_MUST_CHECK;
/* A value that came another way (AWS keys). Same bounds as secret_load(); a known name is replaced,
 * the old value stays redacted. */
bool secret_add(struct secret_set *set, const char *name, const void *value, size_t len,
                struct err *err) SL_MUST_CHECK;

/* Borrowed until secret_free() or secret_add() of that name; NULL when unknown. Also
 * NUL-terminated. */
const char *secret_get(const struct secret_set *set, const char *name, size_t *len);

/* Also hide this value, which was derived from a secret (a signature, an encoded header). Shorter
 * than SECRET_BYTES_MIN: ignored. */
void secret_taint(struct secret_set *set, const char *name, const void *value, size_t len);

/* Replaces every occurrence in text. set may be NULL. */
void secret_redact(const struct secret_set *set, struct buf *text);
/* As secret_redact() for a text that was cut at its end: what may be the beginning of a secret there goes
 * too. Cut first, then this: half a secret is not known again later. */
void secret_redact_cut(const struct secret_set *set, struct buf *text);

/* The set that every sink uses: log, reports and views call secret_redact_sink() right before bytes
 * leave the program. NULL: none. */
void secret_set_sink(const struct secret_set *set);
void secret_redact_sink(struct buf *text);

/* No core dump and no ptrace by other processes of the same user (PR_SET_DUMPABLE 0). Call first in
 * main. */
void secret_forbid_dumps(void);

#endif
