#include "screen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24
#define FDS_MAX         512

/* The other screen, without the cursor; and back. */
static const char enter[] = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
static const char leave[] = "\x1b[?25h\x1b[?1049l";

static struct termios saved;
static volatile sig_atomic_t stopped, resized, impatient, in_table, raw;
static sigset_t held;
static bool quit, opened;

/* Only what a signal handler may do, in all that follows. */
static void put(const char *s, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, s, len);

        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (n > 0) {
            s += n;
            len -= (size_t)n;
        }
    }
}

static void show(void)
{
    struct termios t = saved;

    if (raw) {
        t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        t.c_cc[VMIN] = 0;
        t.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &t);
    }
    if (in_table)
        put(enter, sizeof enter - 1);
}

static void hide(void)
{
    if (in_table)
        put(leave, sizeof leave - 1);
    if (raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void on_stop(int sig)
{
    stopped = sig;
    if (!impatient)
        return;
    hide();
    _exit(128 + sig);
}

static void on_resize(int sig)
{
    (void)sig;
    resized = 1;
}

static void on_suspend(int sig)
{
    int before = errno;

    (void)sig;
    hide();
    raise(SIGSTOP);
    show();
    resized = 1;
    errno = before;
}

static void on_crash(int sig)
{
    hide();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void handle(int sig, void (*handler)(int))
{
    struct sigaction a = {.sa_handler = handler};

    sigfillset(&a.sa_mask);
    sigaction(sig, &a, NULL);
}

static void close_at_exit(void)
{
    screen_close();
}

void screen_open(bool table)
{
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

    stopped = resized = impatient = 0;
    quit = false;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGTSTP);
    sigprocmask(SIG_BLOCK, &held, NULL);
    handle(SIGINT, on_stop);
    handle(SIGTERM, on_stop);
    handle(SIGWINCH, on_resize);
    opened = true;
    if (!table)
        return;
    raw = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0 &&
          tcgetpgrp(STDIN_FILENO) == getpgrp();
    in_table = 1;
    handle(SIGTSTP, on_suspend);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        handle(deadly[i], on_crash);
    atexit(close_at_exit);
    show();
}

void screen_close(void)
{
    if (!opened)
        return;
    opened = false;
    hide();
    in_table = raw = 0;
    signal(SIGTSTP, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &held, NULL);
}

static size_t size_of(bool columns)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0)
        memset(&w, 0, sizeof w);
    if (columns)
        return w.ws_col > 10 ? w.ws_col : COLUMNS_DEFAULT;
    return w.ws_row > 2 ? w.ws_row : ROWS_DEFAULT;
}

/* One less than there is: a line as wide as the terminal would wrap. */
size_t screen_columns(void)
{
    return size_of(true) - 1;
}

size_t screen_rows(void)
{
    return size_of(false) - 1;
}

void screen_draw(const struct buf *lines)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    /* Terminals that know it show the whole at once; others pass it over. */
    buf_add_str(&out, "\x1b[?2026h\x1b[H");
    for (size_t i = 0; i < lines->len; i++) {
        if (lines->data[i] == '\n')
            buf_add_str(&out, "\x1b[K");
        buf_add_char(&out, lines->data[i]);
    }
    buf_add_str(&out, "\x1b[J\x1b[?2026l");
    put(out.data, out.len);
}

static void read_keys(void)
{
    char c;

    while (read(STDIN_FILENO, &c, 1) == 1)
        quit = quit || c == 'q' || c == 'Q';
}

void screen_wait(struct pollfd *fds, size_t n, int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    struct pollfd all[FDS_MAX + 1];
    sigset_t now;
    size_t count = n < FDS_MAX ? n : FDS_MAX;

    memcpy(all, fds, count * sizeof *fds);
    if (raw)
        all[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    sigprocmask(SIG_BLOCK, NULL, &now);
    sigdelset(&now, SIGINT);
    sigdelset(&now, SIGTERM);
    sigdelset(&now, SIGTSTP);
    if (ppoll(all, (nfds_t)count, ms < 0 ? NULL : &t, &now) > 0 && raw && all[count - 1].revents)
        read_keys();
}

int screen_stopped(void)
{
    return stopped;
}

bool screen_quit(void)
{
    return quit;
}

bool screen_resized(void)
{
    bool was = resized;

    resized = 0;
    return was;
}

void screen_impatient(bool on)
{
    impatient = on;
    sigprocmask(on ? SIG_UNBLOCK : SIG_BLOCK, &held, NULL);
}
