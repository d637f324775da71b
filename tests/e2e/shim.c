/* shim.c: a library to preload into sluice, so that tests can hit an exact moment of it from outside.
 *
 * It counts what passes between sluice and the world: requests to the API (curl's send and recv of
 * "POST /2013-04-01…" and "GET /2013-04-01…"), and lines of the journal (write and fsync on *.jsonl).
 *
 *   SHIM_KILL=EVENT:N[:TEXT]  SIGKILL at the Nth EVENT (from 1); TEXT: only those that hold it
 *   SHIM_DEAF=TEXT            a journal write that holds TEXT never returns, like a disk that hangs
 *   SHIM_HANG=FILE            while FILE is there, fsync of a journal never returns (its thread is stuck for good)
 *   SHIM_LOG=FILE             a line an event: CLOCK_BOOTTIME microseconds, name, number
 *
 * Events: post-before, post-half (half of its first bytes are out), post-sent (the last byte is out),
 * post-answer (the first bytes of the answer are here, nobody has seen them), get-before, get-sent,
 * get-answer; line-before, line-half (torn), line-after; sync-before, sync-after. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FDS      1024
#define COUNTERS 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const char *verb; /* "post" or "get" while a request is on it */
    size_t left;      /* bytes of the request still to go */
    int begun;        /* 1 once what it says is on its way */
    int matches;
} calls[FDS];
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

static void note(const char *event, int n)
{
    const char *path = getenv("SHIM_LOG");
    struct timespec t;
    char line[128];
    int fd, len;

    if (!path)
        return;
    clock_gettime(CLOCK_BOOTTIME, &t);
    len = snprintf(line, sizeof line, "%lld %s %d\n", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000, event, n);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (REAL(write)(fd, line, (size_t)len) < 0)
        abort();
    close(fd);
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

static void happens(const char *event, int matches)
{
    if (!due(event, matches))
        return;
    kill(getpid(), SIGKILL);
    stop_for_good();
}

static int holds(const void *data, size_t len, const char *text)
{
    return text && text[0] && memmem(data, len, text, strlen(text)) != NULL;
}

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

static const char *event_of(const char *verb, const char *post, const char *get)
{
    return verb[0] == 'p' ? post : get;
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
    happens(event_of(calls[fd].verb, "post-before", "get-before"), calls[fd].matches);
    if (calls[fd].verb[0] != 'p' || !due("post-half", calls[fd].matches))
        return;
    if (REAL(send)(fd, data, len / 2, flags) < 0)
        abort();
    kill(getpid(), SIGKILL);
    stop_for_good();
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
        if (!calls[fd].left)
            happens(event_of(calls[fd].verb, "post-sent", "get-sent"), calls[fd].matches);
    }
    return sent;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    ssize_t got = REAL(recv)(fd, data, len, flags);

    if (got > 0 && fd < FDS && calls[fd].verb && !calls[fd].left && !(flags & MSG_PEEK)) {
        const char *verb = calls[fd].verb;

        calls[fd].verb = NULL;
        happens(event_of(verb, "post-answer", "get-answer"), calls[fd].matches);
    }
    return got;
}

static int is_journal(int fd)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path);
    return n > 6 && memcmp(path + n - 6, ".jsonl", 6) == 0;
}

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
        wrote = REAL(write)(fd, data, len / 2);
        kill(getpid(), SIGKILL);
        stop_for_good();
    }
    wrote = REAL(write)(fd, data, len);
    happens("line-after", matches);
    return wrote;
}

int fsync(int fd)
{
    int journal = is_journal(fd), result;
    const char *hang = getenv("SHIM_HANG");

    if (!journal)
        return REAL(fsync)(fd);
    happens("sync-before", 0);
    if (hang && access(hang, F_OK) == 0) {
        note("hang", 1);
        stop_for_good();
    }
    result = REAL(fsync)(fd);
    happens("sync-after", 0);
    return result;
}
