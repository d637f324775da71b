#include "journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sluice/buf.h"
#include "sluice/file.h"

#define SUFFIX ".jsonl"

/* A file that stands beside the journal, on its way to the disk. */
struct beside {
    struct beside *next;
    char name[JOURNAL_NAME_MAX];
    struct buf text;
};

/* Shared by the loop and the writer, under lock; freed by the last of the two to leave. */
struct journal {
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* the writer waits here */
    pthread_cond_t drained; /* journal_close() waits here */
    pthread_t thread;
    struct journal_hooks hooks;
    int fd, event_fd, dirfd;

    struct beside *files; /* in the order they were given; written before the lines queued with them */
    struct err file_why;  /* why one could not be written, until somebody was told */

    struct buf queue; /* whole lines, not yet handed to the writer */
    size_t queued_lines;
    uint64_t queued_seq; /* the number of its last line */
    bool queue_sync;     /* one of them is to be durable */

    uint64_t seq; /* of the last line appended */
    uint64_t written, synced;
    bool closing, gone, dead;
    struct err why;
};

static bool name_ok(const char *s)
{
    if (!*s || *s == '.')
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
              *s == '-' || *s == '_'))
            return false;
    return true;
}

bool journal_name(char out[JOURNAL_NAME_MAX], const char *cutover, const char *run, struct err *err)
{
    if (!name_ok(cutover) || !name_ok(run))
        return err_set(err, ERR_FILE,
                       "a cutover's name and a run's id are of letters, digits, - and _ only");
    if (snprintf(out, JOURNAL_NAME_MAX, "%s.%s" SUFFIX, cutover, run) >= JOURNAL_NAME_MAX)
        return err_set(err, ERR_FILE, "the name of the cutover is too long");
    return true;
}

bool journal_find(int dirfd, const char *cutover, const char *run, char out[JOURNAL_NAME_MAX],
                  bool *found, struct err *err)
{
    size_t prefix = strlen(cutover), suffix = strlen(SUFFIX);
    int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *e;

    *found = false;
    out[0] = '\0';
    if (!dir) {
        file_close(&copy);
        return err_set(err, ERR_IO, "cannot list the state directory: %s", strerror(errno));
    }
    while ((e = readdir(dir))) {
        size_t len = strlen(e->d_name);

        if (len >= JOURNAL_NAME_MAX || len <= prefix + 1 + suffix ||
            strncmp(e->d_name, cutover, prefix) != 0 || e->d_name[prefix] != '.' ||
            strcmp(e->d_name + len - suffix, SUFFIX) != 0)
            continue;
        if (run && (strlen(run) != len - prefix - 1 - suffix ||
                    strncmp(e->d_name + prefix + 1, run, strlen(run)) != 0))
            continue;
        if (!*found || strcmp(e->d_name, out) > 0)
            memcpy(out, e->d_name, len + 1);
        *found = true;
    }
    closedir(dir);
    return true;
}

int journal_lock(int dirfd, const char *cutover, const char *note, struct err *err)
{
    char name[JOURNAL_NAME_MAX];

    if (!name_ok(cutover) || snprintf(name, sizeof name, "%s.lock", cutover) >= (int)sizeof name) {
        err_set(err, ERR_FILE, "the name of a cutover is of letters, digits, - and _ only");
        return -1;
    }
    return file_lock(dirfd, name, note, err);
}

bool journal_load(int dirfd, const char *name, const char *needle, journal_visit *visit, void *ctx,
                  struct journal_reading *out, struct err *err)
{
    int fd SL_CLEANUP(file_close) = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    void *data;
    bool ok;

    *out = (struct journal_reading){0};
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, "cannot open the journal %s: %s", name, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size > JOURNAL_BYTES_MAX)
        return err_set(err, ERR_REFUSED, "%s holds no whole line of a journal", name);
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_set(err, ERR_IO, "cannot read the journal %s: %s", name, strerror(errno));
    ok = journal_read(data, (size_t)st.st_size, needle, visit, ctx, out, err);
    munmap(data, (size_t)st.st_size);
    return ok || err_prefix(err, "%s: ", name);
}

static void die(struct journal *j, int why, const char *what)
{
    j->dead = true;
    if (j->why.kind == ERR_NONE)
        err_set(&j->why, ERR_IO, "the journal cannot be %s: %s", what, strerror(why));
}

static bool write_lines(struct journal *j, const struct buf *lines, int *why)
{
    size_t done = 0;

    while (done < lines->len) {
        ssize_t n = j->hooks.write(j->fd, lines->data + done, lines->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            *why = n ? errno : ENOSPC;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static void tell(const struct journal *j)
{
    uint64_t one = 1;
    ssize_t n = write(j->event_fd, &one, sizeof one);

    (void)n; /* a full counter is readable already */
}

static void beside_free(struct beside *b)
{
    while (b) {
        struct beside *next = b->next;

        buf_clear(&b->text);
        free(b);
        b = next;
    }
}

static void journal_free(struct journal *j)
{
    beside_free(j->files);
    buf_clear(&j->queue);
    file_close(&j->dirfd);
    file_close(&j->fd);
    file_close(&j->event_fd);
    pthread_cond_destroy(&j->wake);
    pthread_cond_destroy(&j->drained);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* Takes all that is queued, writes it, and makes it durable where asked. Called with the lock held.
 */
static void write_batch(struct journal *j)
{
    struct buf lines = j->queue;
    uint64_t upto = j->queued_seq;
    bool sync = j->queue_sync, wrote, synced = true;
    int why = 0;

    j->queue = (struct buf){.max = JOURNAL_QUEUE_BYTES_MAX};
    j->queued_lines = 0;
    j->queue_sync = false;
    pthread_mutex_unlock(&j->lock);

    wrote = write_lines(j, &lines, &why);
    if (wrote && sync && j->hooks.sync(j->fd) < 0) {
        why = errno;
        synced = false;
    }
    buf_clear(&lines);

    pthread_mutex_lock(&j->lock);
    j->written = upto;
    if (!wrote || !synced)
        die(j, why, wrote ? "made durable" : "written");
    else if (sync)
        j->synced = upto;
    tell(j);
    pthread_cond_broadcast(&j->drained);
}

/* Takes all files that were given and puts them into their places. Called with the lock held. */
static void write_files(struct journal *j)
{
    struct beside *files = j->files;
    struct err why = {0};

    j->files = NULL;
    pthread_mutex_unlock(&j->lock);
    for (const struct beside *b = files; b; b = b->next)
        if (!file_replace(j->dirfd, b->name, b->text.data, b->text.len, &why))
            break;
    beside_free(files);
    pthread_mutex_lock(&j->lock);
    if (why.kind != ERR_NONE) {
        j->file_why = why;
        tell(j);
    }
}

/* Summaries written without a sync become durable at the end. Called with the lock held. */
static void sync_rest(struct journal *j)
{
    int why;

    pthread_mutex_unlock(&j->lock);
    why = j->hooks.sync(j->fd) < 0 ? errno : 0;
    pthread_mutex_lock(&j->lock);
    if (why)
        die(j, why, "made durable");
    else
        j->synced = j->written;
}

static void *writer(void *arg)
{
    struct journal *j = arg;
    bool last;

    pthread_mutex_lock(&j->lock);
    for (;;) {
        while (!j->queue.len && !j->files && !j->closing)
            pthread_cond_wait(&j->wake, &j->lock);
        if (j->files)
            write_files(j);
        else if (j->dead || !j->queue.len)
            break;
        else
            write_batch(j);
    }
    if (!j->dead && j->synced < j->written)
        sync_rest(j);
    /* Whoever leaves last frees. */
    last = j->gone;
    j->gone = true;
    pthread_cond_broadcast(&j->drained);
    pthread_mutex_unlock(&j->lock);
    if (last)
        journal_free(j);
    return NULL;
}

static ssize_t plain_write(int fd, const void *data, size_t len)
{
    return write(fd, data, len);
}

static struct journal *start(int fd, int dirfd, uint64_t seq, const struct journal_hooks *hooks,
                             struct err *err)
{
    struct journal *j = x_zalloc(sizeof *j);
    pthread_condattr_t attr;
    sigset_t all, old;
    int why;

    j->fd = fd;
    j->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
    j->seq = j->synced = seq;
    j->queue.max = JOURNAL_QUEUE_BYTES_MAX;
    j->hooks.write = hooks && hooks->write ? hooks->write : plain_write;
    j->hooks.sync = hooks && hooks->sync ? hooks->sync : fsync;
    j->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->wake, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->drained, &attr);
    pthread_condattr_destroy(&attr);
    /* Signals are the loop's business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    why = j->event_fd < 0 || j->dirfd < 0 ? errno : pthread_create(&j->thread, NULL, writer, j);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (why) {
        err_set(err, ERR_IO, "cannot start the journal's writer: %s", strerror(why));
        journal_free(j);
        return NULL;
    }
    pthread_detach(j->thread);
    return j;
}

struct journal *journal_create(int dirfd, const char *name, const struct journal_hooks *hooks,
                               struct err *err)
{
    int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

    /* The name itself must survive a crash too. */
    if (fd < 0 || fsync(dirfd) < 0) {
        err_set(err, ERR_IO, "cannot make the journal %s: %s", name, strerror(errno));
        file_close(&fd);
        return NULL;
    }
    return start(fd, dirfd, 0, hooks, err);
}

struct journal *journal_continue(int dirfd, const char *name, const struct journal_reading *from,
                                 const struct journal_hooks *hooks, struct err *err)
{
    int fd;

    if (from->end == JOURNAL_DAMAGED) {
        err_set(err, ERR_REFUSED,
                "the journal %s is damaged at line %llu: no step forward can rest on it; "
                "`sluice rollback` needs only the plan",
                name, (unsigned long long)from->bad_line);
        return NULL;
    }
    fd = openat(dirfd, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)from->whole_bytes) < 0 || fsync(fd) < 0) {
        err_set(err, ERR_IO, "cannot go on with the journal %s: %s", name, strerror(errno));
        file_close(&fd);
        return NULL;
    }
    return start(fd, dirfd, from->last.seq, hooks, err);
}

uint64_t journal_append(struct journal *j, int64_t time_ms, const json_t *event,
                        const json_t *actions, const json_t *state, bool sync)
{
    struct err why = {0};
    uint64_t seq;

    pthread_mutex_lock(&j->lock);
    seq = ++j->seq;
    if (!j->dead) {
        if (j->queued_lines >= JOURNAL_QUEUE_LINES_MAX)
            err_set(&why, ERR_LIMIT, "the disk does not keep up with the journal");
        else if (journal_format(&j->queue, seq, j->synced, time_ms, event, actions, state,
                                &why)) {
            j->queued_lines++;
            j->queued_seq = seq;
            j->queue_sync = j->queue_sync || sync;
        }
        if (why.kind != ERR_NONE) {
            j->dead = true;
            j->why = why;
            tell(j);
        }
        pthread_cond_signal(&j->wake);
    }
    pthread_mutex_unlock(&j->lock);
    return seq;
}

void journal_put_file(struct journal *j, const char *name, struct buf *text)
{
    struct beside *b = x_zalloc(sizeof *b), **at;

    snprintf(b->name, sizeof b->name, "%s", name);
    b->text = *text;
    *text = (struct buf){0};
    pthread_mutex_lock(&j->lock);
    for (at = &j->files; *at && strcmp((*at)->name, name) != 0; at = &(*at)->next)
        ;
    if (*at) { /* an older text that never got there */
        b->next = (*at)->next;
        (*at)->next = NULL;
        beside_free(*at);
    }
    *at = b;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
}

bool journal_file_failed(struct journal *j, struct err *why)
{
    bool failed;

    pthread_mutex_lock(&j->lock);
    failed = j->file_why.kind != ERR_NONE;
    if (failed)
        *why = j->file_why;
    j->file_why = (struct err){0};
    pthread_mutex_unlock(&j->lock);
    return failed;
}

int journal_fd(const struct journal *j)
{
    return j->event_fd;
}

uint64_t journal_synced(struct journal *j)
{
    uint64_t count, synced;
    ssize_t n = read(j->event_fd, &count, sizeof count);

    (void)n; /* nothing to read is fine */
    pthread_mutex_lock(&j->lock);
    synced = j->synced;
    pthread_mutex_unlock(&j->lock);
    return synced;
}

bool journal_dead(struct journal *j, struct err *err)
{
    bool dead;

    pthread_mutex_lock(&j->lock);
    dead = j->dead;
    if (dead && err && err->kind == ERR_NONE)
        *err = j->why;
    pthread_mutex_unlock(&j->lock);
    return dead;
}

bool journal_close(struct journal *j, int64_t wait_ms)
{
    struct timespec until;
    bool done, last;

    if (!j)
        return true;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&j->lock);
    j->closing = true;
    pthread_cond_signal(&j->wake);
    while (!j->gone && pthread_cond_timedwait(&j->drained, &j->lock, &until) == 0)
        ;
    done = j->gone && !j->dead;
    last = j->gone;
    j->gone = true;
    pthread_mutex_unlock(&j->lock);
    if (last)
        journal_free(j);
    return done;
}
