/* log_sink.c: the bytes of standard error on their way out.
 *
 * A terminal stopped with Ctrl-S, or a pipe whose reader sleeps, blocks whoever writes. A program
 * that must not wait (a ramp watching for a breach) keeps what finds no room and goes on. The
 * descriptor itself stays blocking: its flags belong to everybody who shares it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/log.h"

#define KEPT_BYTES_MAX ((size_t)64 * 1024)
/* A pipe that polls writable has room for a page (pipe(7), PIPE_BUF). */
#define PIECE_BYTES ((size_t)512)

static struct {
    int patience_ms; /* -1: as long as it takes */
    int fd;          /* the same terminal or pipe, opened non-blocking for us alone; or 2 */
    char kept[KEPT_BYTES_MAX];
    size_t kept_n;
    size_t lost; /* writes that found no room */
} sink = {.patience_ms = -1, .fd = STDERR_FILENO};

static int open_own(void)
{
    struct stat st;
    int fd = -1;

    if (fstat(STDERR_FILENO, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
        fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 ? fd : STDERR_FILENO; /* then poll() alone has to do */
}

static bool has_room(void)
{
    struct pollfd p = {.fd = sink.fd, .events = POLLOUT};
    int n;

    do
        n = poll(&p, 1, sink.patience_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static void drop_kept(size_t n)
{
    sink.kept_n -= n;
    memmove(sink.kept, sink.kept + n, sink.kept_n);
}

static void keep(const char *data, size_t len)
{
    if (len > sizeof sink.kept - sink.kept_n) {
        sink.lost++;
        return;
    }
    memcpy(sink.kept + sink.kept_n, data, len);
    sink.kept_n += len;
}

static void write_kept(void)
{
    while (sink.kept_n && has_room()) {
        ssize_t n =
            write(sink.fd, sink.kept, sink.kept_n < PIECE_BYTES ? sink.kept_n : PIECE_BYTES);

        if (n > 0)
            drop_kept((size_t)n);
        else if (n < 0 && errno == EAGAIN)
            break;
        else if (n == 0 || errno != EINTR)
            sink.kept_n = sink.lost = 0; /* nobody is left to tell */
    }
}

void log_flush(void)
{
    char text[64];

    write_kept();
    if (sink.kept_n == 0 && sink.lost) {
        int n = snprintf(text, sizeof text, "(%zu lines found no reader)\n", sink.lost);

        sink.lost = 0;
        keep(text, (size_t)n);
        write_kept();
    }
}

void log_patience(int ms)
{
    if (sink.fd == STDERR_FILENO)
        sink.fd = open_own();
    sink.patience_ms = ms;
    log_flush();
}

static void write_all(const char *p, size_t left)
{
    while (left) {
        ssize_t n = write(STDERR_FILENO, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody is left to tell */
        p += n;
        left -= (size_t)n;
    }
}

void log_write(const char *data, size_t len)
{
    if (sink.patience_ms < 0) {
        write_all(data, len);
        return;
    }
    keep(data, len);
    log_flush();
}

bool log_is_behind(void)
{
    return sink.kept_n > 0;
}
