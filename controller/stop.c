#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/common.h"
#include "sluice/file.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t first; /* the signal */
static volatile int64_t since_ms;   /* boottime; written before `first` is */
static const char *last_words = "";
static int event_fd = -1;
static struct sigaction before[ARRAY_LEN(watched) + 1]; /* the last: SIGALRM's */

/* Only what signal-safety(7) allows. */
static void leave(void)
{
    ssize_t n = write(STDERR_FILENO, last_words, strlen(last_words));

    (void)n;
    _exit(128 + first);
}

static void on_signal(int sig)
{
    uint64_t one = 1;
    int keep = errno;
    ssize_t n;

    if (first)
        leave();
    since_ms = clock_boot_ms(&clock_real);
    first = sig;
    alarm(STOP_MS / 1000);
    n = write(event_fd, &one, sizeof one);
    (void)n; /* a full counter is readable already */
    errno = keep;
}

static void on_alarm(int sig)
{
    (void)sig;
    leave();
}

static void watch(int sig, void (*handler)(int), struct sigaction *old)
{
    struct sigaction now = {.sa_handler = handler};

    sigfillset(&now.sa_mask); /* one after the other */
    sigaction(sig, NULL, old);
    if (old->sa_handler != SIG_IGN)
        sigaction(sig, &now, NULL);
}

void stop_watch(const char *words)
{
    if (event_fd >= 0) {
        last_words = words;
        return;
    }
    last_words = words;
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch(SIGALRM, on_alarm, &before[ARRAY_LEN(watched)]);
    for (size_t i = 0; i < ARRAY_LEN(watched); i++)
        watch(watched[i], on_signal, &before[i]);
}

void stop_unwatch(void)
{
    if (event_fd < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(watched); i++)
        sigaction(watched[i], &before[i], NULL);
    alarm(0);
    sigaction(SIGALRM, &before[ARRAY_LEN(watched)], NULL);
    last_words = "";
    file_close(&event_fd);
}

int stop_signal(void)
{
    return first;
}

int64_t stop_left_ms(void)
{
    int64_t left;

    if (!first)
        return INT64_MAX;
    left = since_ms + STOP_GRACE_MS - clock_boot_ms(&clock_real);
    return left > 0 ? left : 0;
}

struct pollfd stop_pollfd(void)
{
    return (struct pollfd){.fd = first ? -1 : event_fd, .events = POLLIN};
}
