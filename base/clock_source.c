#include <time.h>

#include "sluice/clock.h"

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_source_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

int64_t clock_source_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

double clock_source_rate(void)
{
    return 1;
}
