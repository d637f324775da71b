/* loop.h: one thread, many descriptors, many deadlines.
 *
 * Watches and timers live in their owner's struct; the loop only points at them. A callback may
 * remove any watch or timer, its own too, but the memory of a removed watch must stay until the
 * turn ends: hand it to loop_later(). Times are CLOCK_BOOTTIME microseconds. */
#ifndef SANDBOX_LOOP_H
#define SANDBOX_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/err.h"

struct loop;

typedef void (*loop_event_fn)(void *arg, uint32_t epoll_events);
typedef void (*loop_fn)(void *arg);

struct loop_watch {
    int fd; /* -1: not watched */
    uint32_t events;
    loop_event_fn fn;
    void *arg;
};

struct loop_timer {
    int64_t at_us;
    loop_fn fn;
    void *arg;
    size_t place; /* in the heap, from 1; 0: not set */
};

int64_t loop_now_us(void);

struct loop *loop_new(struct err *err);
void loop_free(struct loop *l);

/* Watches fd for EPOLLIN, EPOLLOUT; calling it again changes the events. */
void loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events, loop_event_fn fn,
                void *arg);
void loop_unwatch(struct loop *l, struct loop_watch *w);

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_us, loop_fn fn, void *arg);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Calls fn(arg) when the present turn is over. */
void loop_later(struct loop *l, loop_fn fn, void *arg);

void loop_run(struct loop *l); /* until loop_stop() */
void loop_stop(struct loop *l);

#endif
