/* shim.c: a library to preload into sluice, so that tests can hit an exact moment of it from outside.
 *
 * It counts what passes between sluice and the world: requests to the API (curl's send and recv of
 * "POST /2013-04-01…" and "GET /2013-04-01…"), and what it writes to the journal (write and fsync on
 * *.jsonl; one write may hold several lines). And it keeps a record of what a disk would have to
 * keep if the power went, for tests that then rewrite the files as such a disk might (disk_kit.py).
 *
 *   SHIM_KILL=EVENT:N[:TEXT]  SIGKILL at the Nth EVENT (from 1); TEXT: only those that hold it
 *   SHIM_DEAF=TEXT            a journal write that holds TEXT never returns, like a disk that hangs
 *   SHIM_HANG=FILE            while FILE is there, fsync of a journal never returns (its thread is stuck for good)
 *   SHIM_LOG=FILE             a line an event: CLOCK_BOOTTIME microseconds, name, number
 *   SHIM_DISK=FILE            a line for each thing done to files, when it is done: "made DIRECTORY",
 *                             "new FILE" (a name that was not there), "renamed FROM TO",
 *                             "cut SIZE FILE", "synced SIZE FILE" (so many bytes of it are safe), "listed DIRECTORY"
 *                             (its names are safe)
 *
 * Events: post-before, post-half (half of its first bytes are out), post-sent (the last byte is out),
 * post-answer (the first bytes of the answer are here, nobody has seen them), the same of get-, and of
 * call-, which is either: its N is the number of the request in the order they are begun. line-before,
 * line-half (torn), line-after; sync-before, sync-after; new-after (a journal has a name, which is not
 * safe yet). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FDS      1024
#define COUNTERS 32

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const char *verb; /* "post" or "get" while a request is on it */
    size_t left;      /* bytes of the request still to go */
    int begun;        /* 1 once what it says is on its way */
    int matches;
    int number;       /* from 1, in the order they are begun */
} calls[FDS];
static int begun_calls;
static struct {
    const char *name;
    int n, matching;
} counters[COUNTERS];

/* The program's own `write` and the like, found on first use. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void stop_for_good(void)
{
    for (;;)
        pause();
}

/* One line to the file that the variable names; nothing where it is not set. */
static void append(const char *variable, const char *line, int len)
{
    const char *path = getenv(variable);
    int fd = path ? REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    if (REAL(write)(fd, line, (size_t)len) < 0)
        abort();
    close(fd);
}

static void note(const char *event, int n)
{
    struct timespec t;
    char line[128];

    clock_gettime(CLOCK_BOOTTIME, &t);
    append("SHIM_LOG", line,
           snprintf(line, sizeof line, "%lld %s %d\n", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000, event, n));
}

/* The text after "EVENT:N:" of SHIM_KILL; NULL when there is none or it is about another event. */
static const char *wanted(const char *event, int *n)
{
    const char *kill_at = getenv("SHIM_KILL");
    size_t len = strlen(event);
    char *end;

    if (!kill_at || strncmp(kill_at, event, len) != 0 || kill_at[len] != ':')
        return NULL;
    *n = (int)strtol(kill_at + len + 1, &end, 10);
    return *end == ':' ? end + 1 : end;
}

/* Counts one event; true when the process is to die here. */
static int due(const char *event, int matches)
{
    int n = 0, i, die;
    const char *text = wanted(event, &n);

    pthread_mutex_lock(&lock);
    for (i = 0; i < COUNTERS - 1 && counters[i].name && strcmp(counters[i].name, event) != 0; i++)
        ;
    counters[i].name = event;
    counters[i].n++;
    counters[i].matching += matches;
    die = text && (text[0] ? matches && counters[i].matching == n : counters[i].n == n);
    n = counters[i].n;
    pthread_mutex_unlock(&lock);
    note(event, n);
    return die;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    stop_for_good();
}

static void happens(const char *event, int matches)
{
    if (due(event, matches))
        die();
}

static int holds(const void *data, size_t len, const char *text)
{
    return text && text[0] && memmem(data, len, text, strlen(text)) != NULL;
}

/* A moment of the request on fd, by its verb and by its number: true when the process is to die in it. */
static int call_due(int fd, const char *post, const char *get, const char *call)
{
    int n = 0;
    const char *text = wanted(call, &n);

    note(call, calls[fd].number);
    return due(calls[fd].verb[0] == 'p' ? post : get, calls[fd].matches) || (text && n == calls[fd].number);
}

#define CALL_DUE(fd, moment) call_due(fd, "post-" moment, "get-" moment, "call-" moment)

/* Whether what SHIM_KILL asks for stands in these bytes, whatever event it is about. */
static int holds_wanted(const void *data, size_t len)
{
    const char *kill_at = getenv("SHIM_KILL");
    const char *text = kill_at ? strchr(kill_at, ':') : NULL;

    text = text ? strchr(text + 1, ':') : NULL;
    return text && holds(data, len, text + 1);
}

static size_t body_length(const char *data, size_t len)
{
    static const char name[] = "\nContent-Length:";
    const char *at = memmem(data, len, name, sizeof name - 1);

    return at ? (size_t)strtoul(at + sizeof name - 1, NULL, 10) : 0;
}

static const char *begins_call(const void *data, size_t len)
{
    if (len > 16 && memcmp(data, "POST /2013-04-01", 16) == 0)
        return "post";
    return len > 15 && memcmp(data, "GET /2013-04-01", 15) == 0 ? "get" : NULL;
}

/* Reads the head of a request: true when the body is to come with the next send. */
static int head_only(int fd, const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - data) + 4 : len, body = body_length(data, len);

    calls[fd].left = head + body;
    return body && head >= len;
}

/* The body's first bytes are about to leave (of a request without one: its head): now it is known what it says. */
static void about_to_send(int fd, const void *data, size_t len, int flags)
{
    calls[fd].begun = 1;
    calls[fd].matches = holds_wanted(data, len);
    calls[fd].number = ++begun_calls;
    if (CALL_DUE(fd, "before"))
        die();
    if (!CALL_DUE(fd, "half"))
        return;
    if (REAL(send)(fd, data, len / 2, flags) < 0)
        abort();
    die();
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    const char *verb = fd < FDS ? begins_call(data, len) : NULL;
    ssize_t sent;

    if (verb) {
        calls[fd].verb = verb;
        calls[fd].begun = head_only(fd, data, len) ? -1 : 0; /* -1: not with this send, but with the next */
    }
    if (fd < FDS && calls[fd].verb && calls[fd].left && calls[fd].begun == 0)
        about_to_send(fd, data, len, flags);
    sent = REAL(send)(fd, data, len, flags);
    if (sent > 0 && fd < FDS && calls[fd].verb && calls[fd].left) {
        calls[fd].begun += calls[fd].begun < 0;
        calls[fd].left -= (size_t)sent < calls[fd].left ? (size_t)sent : calls[fd].left;
        if (!calls[fd].left && CALL_DUE(fd, "sent"))
            die();
    }
    return sent;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    ssize_t got = REAL(recv)(fd, data, len, flags);

    if (got > 0 && fd < FDS && calls[fd].verb && !calls[fd].left && !(flags & MSG_PEEK)) {
        if (CALL_DUE(fd, "answer"))
            die();
        calls[fd].verb = NULL;
    }
    return got;
}

/* What a descriptor is called, NUL-terminated; false when it is no file. */
static int path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return path[0] == '/';
}

static int is_journal(int fd)
{
    char path[PATH_MAX];
    size_t n = path_of(fd, path) ? strlen(path) : 0;

    return n > 6 && memcmp(path + n - 6, ".jsonl", 6) == 0;
}

/* ---- what a disk knows */

static void record(const char *what, long long size, const char *path)
{
    char line[2 * PATH_MAX + 64];

    append("SHIM_DISK", line, size < 0 ? snprintf(line, sizeof line, "%s %s\n", what, path)
                                       : snprintf(line, sizeof line, "%s %lld %s\n", what, size, path));
}

/* A name as it was given, with the directory it is in before it. */
static void full_name(int dirfd, const char *name, char out[PATH_MAX])
{
    size_t n = name[0] != '/' && dirfd >= 0 && path_of(dirfd, out) ? strlen(out) : 0;

    snprintf(out + n, PATH_MAX - n, "%s%s", n ? "/" : "", name);
}

int mkdir(const char *path, mode_t mode)
{
    int result = REAL(mkdir)(path, mode);
    int before = errno;

    if (result == 0)
        record("made", -1, path);
    errno = before;
    return result;
}

static int made_name(int fd, int dirfd, const char *name, int was_there)
{
    int before = errno;
    char path[PATH_MAX];

    if (fd >= 0 && !was_there) {
        full_name(dirfd, name, path);
        record("new", -1, path);
        if (is_journal(fd))
            happens("new-after", 0);
    }
    errno = before;
    return fd;
}

int openat(int dirfd, const char *name, int flags, ...)
{
    va_list ap;
    mode_t mode;
    int was_there;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    was_there = !(flags & O_CREAT) || faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return made_name(REAL(openat)(dirfd, name, flags, mode), dirfd, name, was_there);
}

int openat64(int dirfd, const char *name, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return openat(dirfd, name, flags | O_LARGEFILE, mode);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    int result = REAL(renameat)(from_fd, from, to_fd, to);
    int before = errno;
    char both[2 * PATH_MAX];

    if (result == 0) {
        full_name(from_fd, from, both);
        strcat(both, " ");
        full_name(to_fd, to, both + strlen(both));
        record("renamed", -1, both);
    }
    errno = before;
    return result;
}

static int cut(int fd, long long size, int result)
{
    char path[PATH_MAX];
    int before = errno;

    if (result == 0 && path_of(fd, path))
        record("cut", size, path);
    errno = before;
    return result;
}

int ftruncate(int fd, off_t size)
{
    return cut(fd, size, REAL(ftruncate)(fd, size));
}

int ftruncate64(int fd, off64_t size)
{
    return cut(fd, size, REAL(ftruncate64)(fd, size));
}

static long long size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (long long)st.st_size : -1;
}

static void record_sync(int fd, long long size)
{
    char path[PATH_MAX];

    if (path_of(fd, path))
        record(size < 0 ? "listed" : "synced", size, path);
}

/* ---- the journal */

ssize_t write(int fd, const void *data, size_t len)
{
    int journal = is_journal(fd), matches;
    ssize_t wrote;

    if (!journal)
        return REAL(write)(fd, data, len);
    if (holds(data, len, getenv("SHIM_DEAF"))) {
        note("deaf", 1);
        stop_for_good();
    }
    matches = holds_wanted(data, len);
    happens("line-before", matches);
    if (due("line-half", matches)) {
        if (REAL(write)(fd, data, len / 2) < 0)
            abort();
        die();
    }
    wrote = REAL(write)(fd, data, len);
    happens("line-after", matches);
    return wrote;
}

static int do_sync(int fd, int (*real)(int))
{
    long long size = size_of(fd); /* what is written meanwhile is not promised to be safe */
    int journal = is_journal(fd), result;
    const char *hang = getenv("SHIM_HANG");

    if (journal) {
        happens("sync-before", 0);
        if (hang && access(hang, F_OK) == 0) {
            note("hang", 1);
            stop_for_good();
        }
    }
    result = real(fd);
    if (result == 0)
        record_sync(fd, size);
    if (journal)
        happens("sync-after", 0);
    return result;
}

int fsync(int fd)
{
    return do_sync(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    return do_sync(fd, REAL(fdatasync));
}
