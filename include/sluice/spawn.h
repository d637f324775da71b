/* spawn.h: running another program without a shell, without waiting for it.
 *
 * The child gets its own process group, an allow-listed environment, closed descriptors, default
 * signals and /dev/null or the given bytes as standard input. Its output is captured up to a
 * ceiling; what follows is read and dropped. Past the deadline the whole group is killed. The
 * asynchronous form puts its descriptors into http_wait(), so that a hook never holds up a
 * rollback. */
#ifndef SLUICE_SPAWN_H
#define SLUICE_SPAWN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/err.h"

#define SPAWN_OUTPUT_MAX ((size_t)64 * 1024)
#define SPAWN_FDS_MAX    3

struct spawn; /* opaque */

struct spawn_request {
    const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
    const char *const *env;  /* NULL-terminated "NAME=value" to add; NULL: none */
    const char *const
        *pass;         /* NULL-terminated names to inherit beyond the usual ones (PATH HOME USER
                          LOGNAME SHELL LANG LC_* TZ TMPDIR TERM XDG_*); "AWS_*" takes a prefix */
    const void *input; /* for standard input, copied; NULL: /dev/null */
    size_t input_len;
    size_t output_max;    /* each of stdout and stderr; 0: SPAWN_OUTPUT_MAX */
    uint32_t deadline_ms; /* from the start; 0: 30 s */
};

enum spawn_outcome {
    SPAWN_EXITED,    /* code = exit status */
    SPAWN_SIGNALLED, /* code = signal */
    SPAWN_DEADLINE,  /* killed by us */
};

struct spawn_result {
    enum spawn_outcome outcome;
    int code;
    struct buf out, errors; /* foreign bytes */
    bool out_cut, errors_cut;
};

/* Runs it and waits. False (ERR_IO) only when it could not be started: no such program, no memory
 * for a process. Clear result in every case. */
bool spawn_run(const struct spawn_request *request, struct spawn_result *result,
               struct err *err) SL_MUST_CHECK;
void spawn_result_clear(struct spawn_result *result); /* wipes */
/* One plain sentence: "exited with 3", "was killed by signal 9 (Killed)", "took too long and was
 * killed". */
void spawn_result_format(const struct spawn_result *result, struct buf *out);

/* The same without waiting. now_ms is clock_boot_ms(). NULL with ERR_IO. */
struct spawn *spawn_start(const struct spawn_request *request, int64_t now_ms,
                          struct err *err) SL_MUST_CHECK;
/* Fills fds (room for SPAWN_FDS_MAX) with what to watch and returns how many. */
size_t spawn_fds(const struct spawn *spawn, struct pollfd *fds);
/* Boottime ms: the deadline, or when to look again where there is no pidfd; INT64_MAX when over. */
int64_t spawn_wake_at(const struct spawn *spawn);
/* Moves what can move, never blocks; call whenever a descriptor is ready or the deadline has
 * passed. True once it is over; the result is then ready. */
bool spawn_step(struct spawn *spawn, int64_t now_ms);
const struct spawn_result *spawn_result(const struct spawn *spawn); /* borrowed */
/* Kills the group if it still runs, without waiting for it. NULL is fine. */
void spawn_free(struct spawn *spawn);

#endif
