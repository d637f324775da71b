#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

int net_listen(const char *address, uint16_t *port, struct err *err)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(*port)};
    bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
    socklen_t len = is_six ? sizeof six : sizeof four;
    int fd;

    if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1) {
        err_set(err, ERR_FILE, "'%s' is no address", address);
        return -1;
    }
    fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, is_six ? (void *)&six : (void *)&four, len) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, is_six ? (void *)&six : (void *)&four, &len) < 0) {
        err_set(err, errno == EADDRINUSE ? ERR_BUSY : ERR_IO, "cannot listen on %s port %u: %s",
                address, *port, strerror(errno));
        close(fd);
        return -1;
    }
    *port = ntohs(is_six ? six.sin6_port : four.sin_port);
    return fd;
}
