#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sluice/clock.h"

#define TURN_EVENTS 256

struct later {
    loop_fn fn;
    void *arg;
};

struct loop {
    int epoll;
    bool stop;
    struct loop_timer **heap; /* heap[1..n_heap], earliest first */
    size_t n_heap, cap_heap;
    struct later *later;
    size_t n_later, cap_later;
};

int64_t loop_now_us(void)
{
    return clock_boot_us();
}

struct loop *loop_new(struct err *err)
{
    struct loop *l;
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0) {
        err_set(err, ERR_IO, "cannot make an epoll descriptor: %s", strerror(errno));
        return NULL;
    }
    l = x_zalloc(sizeof *l);
    l->epoll = fd;
    return l;
}

static void run_later(struct loop *l)
{
    /* Callbacks may add more; they run in the same go. */
    for (size_t i = 0; i < l->n_later; i++)
        l->later[i].fn(l->later[i].arg);
    l->n_later = 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    run_later(l);
    close(l->epoll);
    free(l->heap);
    free(l->later);
    free(l);
}

void loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events, loop_event_fn fn,
                void *arg)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};
    bool known = w->fn && w->fd == fd;

    if (known && w->events == events)
        return;
    *w = (struct loop_watch){fd, events, fn, arg};
    if (epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) < 0)
        assert(errno == ENOMEM || errno == ENOSPC);
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
    if (!w->fn)
        return;
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    w->fn = NULL;
    w->fd = -1;
}

static void heap_set(struct loop *l, size_t at, struct loop_timer *t)
{
    l->heap[at] = t;
    t->place = at;
}

static void heap_up(struct loop *l, size_t at)
{
    struct loop_timer *t = l->heap[at];

    while (at > 1 && l->heap[at / 2]->at_us > t->at_us) {
        heap_set(l, at, l->heap[at / 2]);
        at /= 2;
    }
    heap_set(l, at, t);
}

static void heap_down(struct loop *l, size_t at)
{
    struct loop_timer *t = l->heap[at];

    while (at * 2 <= l->n_heap) {
        size_t child = at * 2;

        if (child < l->n_heap && l->heap[child + 1]->at_us < l->heap[child]->at_us)
            child++;
        if (l->heap[child]->at_us >= t->at_us)
            break;
        heap_set(l, at, l->heap[child]);
        at = child;
    }
    heap_set(l, at, t);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    size_t at = t->place;
    struct loop_timer *last;

    if (!at)
        return;
    last = l->heap[l->n_heap--];
    t->place = 0;
    if (last == t)
        return;
    heap_set(l, at, last);
    heap_up(l, at);
    heap_down(l, last->place);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_us, loop_fn fn, void *arg)
{
    loop_timer_stop(l, t);
    *t = (struct loop_timer){at_us, fn, arg, 0};
    if (l->n_heap + 1 >= l->cap_heap) {
        l->cap_heap = l->cap_heap ? l->cap_heap * 2 : 64;
        l->heap = x_realloc(l->heap, l->cap_heap, sizeof(struct loop_timer *));
    }
    heap_set(l, ++l->n_heap, t);
    heap_up(l, l->n_heap);
}

void loop_later(struct loop *l, loop_fn fn, void *arg)
{
    if (l->n_later == l->cap_later) {
        l->cap_later = l->cap_later ? l->cap_later * 2 : 16;
        l->later = x_realloc(l->later, l->cap_later, sizeof *l->later);
    }
    l->later[l->n_later++] = (struct later){fn, arg};
}

void loop_stop(struct loop *l)
{
    l->stop = true;
}

/* Rounded up: waking early would spin until the microsecond comes. */
static int wait_ms(const struct loop *l)
{
    int64_t left;

    if (l->n_later)
        return 0;
    if (!l->n_heap)
        return -1;
    left = (l->heap[1]->at_us - loop_now_us() + 999) / 1000;
    return clock_poll_ms(left > 60000 ? 60000 : left);
}

void loop_run(struct loop *l)
{
    struct epoll_event events[TURN_EVENTS];

    l->stop = false;
    while (!l->stop) {
        int n = epoll_wait(l->epoll, events, TURN_EVENTS, wait_ms(l));

        for (int i = 0; i < n; i++) {
            struct loop_watch *w = events[i].data.ptr;

            if (w->fn)
                w->fn(w->arg, events[i].events);
        }
        /* Only what is due now: a timer set anew by its own callback waits for the next turn. */
        for (int64_t now = loop_now_us(); l->n_heap && l->heap[1]->at_us <= now;) {
            struct loop_timer *t = l->heap[1];

            loop_timer_stop(l, t);
            t->fn(t->arg);
        }
        run_later(l);
    }
}
