/* The clock of the test build: hours of a cutover in seconds of the test.
 *
 * Programs that link this file instead of base/clock_source.c run by the clock that the file
 * $SLUICE_TEST_CLOCK says: from an instant of the kernel's boottime clock on, at a rate. All programs
 * of a test map the same file and so have the same time; the test may change the rate while they run
 * (tests/e2e/scaled_clock.py writes it). Without the variable they do not start: nobody shall take such
 * a program for the real one. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sluice/clock.h"

/* As scaled_clock.py writes it. Odd turns: being written. */
struct page {
    _Atomic uint64_t turn;
    _Atomic int64_t from_us; /* the kernel's boottime at which the four below hold */
    _Atomic int64_t boot_us, wall_us;
    _Atomic int64_t rate_milli; /* thousandths */
};

struct moment {
    int64_t boot_us, wall_us, rate_milli;
};

static const struct page *page;

__attribute__((constructor)) static void map_page(void)
{
    const char *name = getenv("SLUICE_TEST_CLOCK");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0)
        page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || page == MAP_FAILED) {
        fprintf(stderr, "this is a test build; its clock is the file that SLUICE_TEST_CLOCK names\n");
        _exit(70);
    }
    close(fd);
}

/* Never falls, though a change of rate is written a moment after the instant that it holds from. */
static int64_t not_before_last(_Atomic int64_t *last, int64_t now)
{
    int64_t seen = atomic_load(last);

    while (now > seen && !atomic_compare_exchange_weak(last, &seen, now))
        ;
    return now > seen ? now : seen;
}

static struct moment read_page(void)
{
    struct moment m;
    struct timespec ts;
    uint64_t turn;
    int64_t passed;

    do {
        turn = atomic_load(&page->turn);
        clock_gettime(CLOCK_BOOTTIME, &ts);
        passed = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - atomic_load(&page->from_us);
        m.rate_milli = atomic_load(&page->rate_milli);
        m.boot_us = atomic_load(&page->boot_us) + passed * m.rate_milli / 1000;
        m.wall_us = atomic_load(&page->wall_us) + passed * m.rate_milli / 1000;
    } while ((turn & 1) || atomic_load(&page->turn) != turn);
    return m;
}

int64_t clock_source_boot_us(void)
{
    static _Atomic int64_t last;

    return not_before_last(&last, read_page().boot_us);
}

int64_t clock_source_wall_us(void)
{
    static _Atomic int64_t last;

    return not_before_last(&last, read_page().wall_us);
}

double clock_source_rate(void)
{
    return (double)read_page().rate_milli / 1000;
}
