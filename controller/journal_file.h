/* journal_file.h: a run's journal on disk, written by a thread of its own.
 *
 * The loop never waits for a disk: journal_append() copies the line into a bounded queue, the
 * writer thread writes it and, where asked, makes it durable; journal_fd() becomes readable when
 * the answer is there, and journal_synced() tells how far the disk has come. A write or fsync that
 * fails makes the journal dead for good: after a failed fsync nothing can be known of the pages (no
 * second try), so no forward step follows. A disk that hangs is only a journal_synced() that does
 * not move.
 *
 * Names in the state directory: CUTOVER.RUN.jsonl the journal, CUTOVER.lock the lock of whoever
 * runs it. */
#ifndef SLUICE_JOURNAL_FILE_H
#define SLUICE_JOURNAL_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "journal.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define JOURNAL_QUEUE_LINES_MAX 4096
#define JOURNAL_QUEUE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define JOURNAL_NAME_MAX        200

struct journal;

/* What the writer calls; tests put a full or hanging disk here. NULL members mean write() and
 * fsync(). */
struct journal_hooks {
    ssize_t (*write)(int fd, const void *data, size_t len);
    int (*sync)(int fd);
};

/* "CUTOVER.RUN.jsonl" into out; ERR_FILE when a part holds what a file name must not. */
bool journal_name(char out[JOURNAL_NAME_MAX], const char *cutover, const char *run,
                  struct err *err) SL_MUST_CHECK;

/* The newest journal of a cutover (run ids begin with their time), or of exactly this run when run
 * is not NULL; false with *found = false when there is none. */
bool journal_find(int dirfd, const char *cutover, const char *run, char out[JOURNAL_NAME_MAX],
                  bool *found, struct err *err) SL_MUST_CHECK;

/* Takes the lock of a cutover: a descriptor to keep, or -1 (ERR_BUSY: another process runs it). */
int journal_lock(int dirfd, const char *cutover, const char *note, struct err *err) SL_MUST_CHECK;

/* Reads dirfd/name whole and judges it, as journal_read(). The caller clears out. */
bool journal_load(int dirfd, const char *name, const char *needle, journal_visit *visit, void *ctx,
                  struct journal_reading *out, struct err *err) SL_MUST_CHECK;

/* A new journal (the name must be free), or one that goes on where `from` ends: torn bytes are cut
 * off first; a damaged one is refused. NULL on failure. hooks may be NULL. */
struct journal *journal_create(int dirfd, const char *name, const struct journal_hooks *hooks,
                               struct err *err) SL_MUST_CHECK;
struct journal *journal_continue(int dirfd, const char *name, const struct journal_reading *from,
                                 const struct journal_hooks *hooks, struct err *err) SL_MUST_CHECK;

/* Queues one line and returns its number; sync asks for it to be durable. Nothing is queued in a
 * dead journal; the number then never gets synced. */
uint64_t journal_append(struct journal *j, int64_t time_ms, const json_t *event,
                        const json_t *actions, const json_t *state, bool sync);

/* Has the writer put a file in the place of name, in the journal's directory, before the lines that are
 * queued from now on; the text is taken. A newer text of a name that waits takes the older one's place. A
 * failure does not kill the journal: it is told once, as all news is, by journal_file_failed(). */
void journal_put_file(struct journal *j, const char *name, struct buf *text);
bool journal_file_failed(struct journal *j, struct err *why);

int journal_fd(const struct journal *j); /* readable when journal_synced() has news */
/* The highest number that is durable; clears the descriptor. */
uint64_t journal_synced(struct journal *j);
/* True once the journal is dead; fills err (may be NULL) with the reason. */
bool journal_dead(struct journal *j, struct err *err);

/* Waits at most wait_ms for the queue to reach the disk, then lets go. A writer that hangs in the
 * kernel is left behind; the process may still exit. True when everything is durable. NULL gives
 * true. */
bool journal_close(struct journal *j, int64_t wait_ms);

#endif
