/* file.h: reading whole files, replacing them in one step, holding locks.
 *
 * Writers: write to a temporary name beside the target, fsync, rename, fsync the directory. Files are
 * made 0600 with O_NOFOLLOW | O_CLOEXEC. A directory is held as a descriptor so that nobody can swap it
 * under us. */
#ifndef SLUICE_FILE_H
#define SLUICE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/err.h"

/* Reads a whole regular file, a pipe, or "-" for standard input, into out. More than max bytes, a
 * directory, or a NUL byte with text_only is an error (ERR_FILE) that names the path. */
bool file_read(struct buf *out, const char *path, size_t max, struct err *err) SL_MUST_CHECK;

/* The same for a file in an open directory; a symbolic link is not followed. */
bool file_read_at(struct buf *out, int dirfd, const char *name, size_t max,
                  struct err *err) SL_MUST_CHECK;

/* Makes path (and its parents) 0700 if missing, checks that it is ours and not writable by others, and
 * returns a descriptor, or -1 (ERR_IO). */
int file_open_dir(const char *path, struct err *err) SL_MUST_CHECK;

/* Replaces dirfd/name with data in one step: after a crash there is the old file or the new one. */
bool file_replace(int dirfd, const char *name, const void *data, size_t len, struct err *err)
    SL_MUST_CHECK;

/* As file_replace() for a path a person gave; mode is what a new file gets. "-" is standard output. */
bool file_write(const char *path, const void *data, size_t len, struct err *err) SL_MUST_CHECK;

/* Takes an exclusive lock on dirfd/name (made if missing): an open file description lock, which dies
 * with the last descriptor. Returns the descriptor to keep, or -1 with ERR_BUSY when another process
 * has it (its note, if it left one, is appended to the message). note is written into the file. */
int file_lock(int dirfd, const char *name, const char *note, struct err *err) SL_MUST_CHECK;

/* Cleanup helper: closes *fd if it is not -1. */
void file_close(int *fd);

#endif
