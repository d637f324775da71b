#include "sluice/clock.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

const struct clock clock_real = {.manual = false};

int64_t clock_boot_ms(const struct clock *c)
{
    return c->manual ? c->boot_ms : clock_source_boot_us() / 1000;
}

int64_t clock_wall_ms(const struct clock *c)
{
    return c->manual ? c->wall_ms : clock_source_wall_us() / 1000;
}

int64_t clock_boot_us(void)
{
    return clock_source_boot_us();
}

int clock_poll_ms(int64_t ms)
{
    double wait = ceil((double)ms / clock_source_rate());

    return wait <= 0 ? 0 : wait < INT_MAX ? (int)wait : INT_MAX;
}

void clock_advance(struct clock *c, int64_t ms)
{
    assert(c->manual);
    assert(ms >= 0);
    c->boot_ms += ms;
    c->wall_ms += ms;
}
