#include "sluice/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NOTE_MAX 256

void file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* path names it in messages. */
static bool read_all(struct buf *out, int fd, const char *path, size_t max, struct err *err)
{
    struct stat st;
    char chunk[8192];
    size_t got = 0;

    if (fd < 0)
        return err_set(err, ERR_FILE, "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(err, ERR_FILE, "%s is a directory, a file is wanted", path);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_FILE, "cannot read %s: %s", path, strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
        if (got > max)
            return err_set(err, ERR_FILE, "%s is larger than the limit of %zu bytes", path, max);
        buf_add(out, chunk, (size_t)n);
    }
    explicit_bzero(chunk, sizeof chunk);
    if (!buf_ok(out))
        return err_set(err, ERR_FILE, "%s does not fit its buffer", path);
    return true;
}

bool file_read(struct buf *out, const char *path, size_t max, struct err *err)
{
    int fd SL_CLEANUP(file_close) = strcmp(path, "-") == 0
                                        ? dup(STDIN_FILENO)
                                        : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    return read_all(out, fd, path, max, err);
}

bool file_read_at(struct buf *out, int dirfd, const char *name, size_t max, struct err *err)
{
    int fd SL_CLEANUP(file_close) =
        openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

    return read_all(out, fd, name, max, err);
}

/* The directory that `path` stands in; its name there must survive a crash as well as what it holds.
 * One we may not read, or that cannot be synced, was not made by us. */
static bool sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent =
        slash ? x_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : x_strdup(".");
    int fd SL_CLEANUP(file_close) = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(parent);
    return fd < 0 || fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

static bool make_dir(const char *path)
{
    return mkdir(path, 0700) == 0 ? sync_parent(path) : errno == EEXIST;
}

static bool make_parents(char *path)
{
    char *slash = path;

    while ((slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (!make_dir(path))
            return false;
        *slash = '/';
    }
    /* A life that was cut short may have made it and not synced it. */
    return make_dir(path) && sync_parent(path);
}

int file_open_dir(const char *path, struct err *err)
{
    char *copy = x_strdup(path);
    bool made = make_parents(copy);
    struct stat st;
    int fd;

    free(copy);
    if (!made) {
        err_set(err, ERR_IO, "cannot make the directory %s: %s", path, strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_set(err, ERR_IO, "cannot open the directory %s: %s", path, strerror(errno));
        file_close(&fd);
        return -1;
    }
    if (st.st_uid != geteuid() || (st.st_mode & 022)) {
        err_set(err, ERR_IO, "the directory %s must be yours and writable by nobody else", path);
        file_close(&fd);
    }
    return fd;
}

bool file_replace(int dirfd, const char *name, const void *data, size_t len, struct err *err)
{
    char temp[256];
    int fd;
    bool ok;

    if (snprintf(temp, sizeof temp, ".%s.%ld.new", name, (long)getpid()) >= (int)sizeof temp)
        return err_set(err, ERR_IO, "the file name %s is too long", name);
    fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, ERR_IO, "cannot make %s: %s", name, strerror(errno));
    ok = write_all(fd, data, len) && fsync(fd) == 0;
    if (close(fd) < 0)
        ok = false;
    if (ok)
        ok = renameat(dirfd, temp, dirfd, name) == 0 && fsync(dirfd) == 0;
    if (!ok) {
        int why = errno;

        unlinkat(dirfd, temp, 0);
        return err_set(err, ERR_IO, "cannot write %s: %s", name, strerror(why));
    }
    return true;
}

bool file_write(const char *path, const void *data, size_t len, struct err *err)
{
    int dirfd SL_CLEANUP(file_close) = -1;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *dir;
    struct stat st;

    if (strcmp(path, "-") == 0)
        return write_all(STDOUT_FILENO, data, len) ||
               err_set(err, ERR_IO, "cannot write to standard output: %s", strerror(errno));
    /* A device or a pipe (/dev/stderr) cannot be replaced, only written to. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        int fd SL_CLEANUP(file_close) = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0 || !write_all(fd, data, len))
            return err_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
        return true;
    }
    dir = slash ? x_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : x_strdup(".");
    dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (dirfd < 0)
        return err_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    return file_replace(dirfd, name, data, len, err) || err_prefix(err, "%s: ", path);
}

int file_lock(int dirfd, const char *name, const char *note, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        err_set(err, ERR_IO, "cannot open the lock %s: %s", name, strerror(errno));
        return -1;
    }
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        char held[LOCK_NOTE_MAX + 1] = "";
        ssize_t n = pread(fd, held, LOCK_NOTE_MAX, 0);

        held[n > 0 ? n : 0] = '\0';
        if (errno == EAGAIN || errno == EACCES || n >= 0)
            err_set(err, ERR_BUSY, "another process holds %s%s%s", name, held[0] ? ": " : "", held);
        else
            err_set(err, ERR_IO, "cannot lock %s: %s", name, strerror(errno));
        file_close(&fd);
        return -1;
    }
    if (ftruncate(fd, 0) < 0 || (note && pwrite(fd, note, strlen(note), 0) < 0)) {
        err_set(err, ERR_IO, "cannot write the lock %s: %s", name, strerror(errno));
        file_close(&fd);
    }
    return fd;
}
