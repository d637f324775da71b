#include "sluice/clock.h"

#include <assert.h>
#include <time.h>

const struct clock clock_real = {.manual = false};

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_boot_ms(const struct clock *c)
{
    return c->manual ? c->boot_ms : read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_wall_ms(const struct clock *c)
{
    return c->manual ? c->wall_ms : read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

void clock_advance(struct clock *c, int64_t ms)
{
    assert(c->manual);
    assert(ms >= 0);
    c->boot_ms += ms;
    c->wall_ms += ms;
}
