/* A library to preload: each connection that a server accepts sends at once what it is given (TCP_NODELAY).
 *
 * A server that leaves Nagle's algorithm on sends two lines with one packet, half as often and 20 to 40 ms late.  With
 * this it is measured as what it would cost to be as fast as the others. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int at_once(int fd)
{
    int one = 1;
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

int accept(int listener, struct sockaddr *address, socklen_t *length)
{
    int (*real)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "accept");
    return at_once(real(listener, address, length));
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");
    return at_once(real(listener, address, length, flags));
}
