/* clock.h: what time it is, real or by hand.
 *
 * Waits use the boottime clock (CLOCK_BOOTTIME): it goes on in suspend and never jumps. Wall time is
 * for signatures, schedules and words. Tests and the simulator turn a manual clock. Read the time once
 * a turn of the loop and pass it on: two readings are two truths. */
#ifndef SLUICE_CLOCK_H
#define SLUICE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
    bool manual;
    int64_t boot_ms; /* manual only */
    int64_t wall_ms; /* manual only */
};

extern const struct clock clock_real;

int64_t clock_boot_ms(const struct clock *c); /* milliseconds since an arbitrary start, never falls */
int64_t clock_wall_ms(const struct clock *c); /* Unix milliseconds */
int64_t clock_boot_us(void);                  /* real clock only, for benchmarks and latency figures */

/* How long poll() and its like are to wait for ms milliseconds of the real clock: ms itself, within
 * 0 and INT_MAX. Every wait for a time of this clock goes through here, because the test build's clock
 * runs faster than the kernel's (clock_source). */
int clock_poll_ms(int64_t ms);

/* The one place that asks the kernel, in base/clock_source.c; tests/scaled/ links another one.
 * Microseconds of CLOCK_BOOTTIME and CLOCK_REALTIME; how many of them pass in one of the kernel's. */
int64_t clock_source_boot_us(void);
int64_t clock_source_wall_us(void);
double clock_source_rate(void);

/* Manual clocks: both times go on by ms >= 0. */
void clock_advance(struct clock *c, int64_t ms);

#endif
