/* The limit: one room, one thread, one epoll loop and nothing else that a chat server needs.
 *
 *     fanout PORT [CERTIFICATE-AND-KEY]
 *
 * Compiled with -DTLS it speaks TLS, and needs the file.
 *
 * The first line of a person is the nickname, every further one goes to all others as `<nick> line`. What all sockets
 * brought in one turn of the loop is rendered once, into one chunk, and sent with one send() per recipient; who spoke in
 * the turn gets the chunk without the own lines. What a socket does not take is queued without bound. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

enum { DESCRIPTORS = 1 << 17, EVENTS = 1024, READ = 1 << 16, LONGEST = 1 << 15, NICK = 32 };

struct bytes { char *data; size_t length, size; };
struct person { int index; bool named, spoke; char nick[NICK]; struct bytes part, queue; void *tls; };
struct line { int author; size_t start, end; };

static struct person *people[DESCRIPTORS];  /* by descriptor */
static int members[DESCRIPTORS], member_count, poller;
static struct bytes chunk, without;
static struct line *lines;
static size_t line_count, line_size;

static void die(const char *what) { perror(what); exit(1); }

static void add(struct bytes *b, const char *data, size_t length)
{
    if (b->length + length > b->size) {
        b->size = 2 * (b->length + length);
        if (!(b->data = realloc(b->data, b->size))) die("realloc");
    }
    if (length) memcpy(b->data + b->length, data, length);
    b->length += length;
}

static void watch(int operation, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event) < 0) die("epoll_ctl");
}

/* ---- the network: as it is, or with TLS; `give` and `take` answer as send() and recv() do ---- */

#ifdef TLS
static SSL_CTX *tls;

static ssize_t outcome(const struct person *p, int count)
{
    if (count > 0) return count;
    int error = SSL_get_error(p->tls, count);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static void begin_tls(struct person *p, int fd)
{
    if (!(p->tls = SSL_new(tls)) || !SSL_set_fd(p->tls, fd)) die("SSL_new");
    SSL_set_accept_state(p->tls);
}

static void end_tls(struct person *p) { SSL_free(p->tls); }

static ssize_t give(int fd, const char *data, size_t length)
{
    return outcome(people[fd], SSL_write(people[fd]->tls, data, (int)length));
}

static ssize_t take(int fd, char *buffer, size_t size)
{
    return outcome(people[fd], SSL_read(people[fd]->tls, buffer, (int)size));
}

static void use_tls(const char *file)
{
    tls = SSL_CTX_new(TLS_server_method());
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_num_tickets(tls, 0);
    if (!SSL_CTX_use_certificate_file(tls, file, SSL_FILETYPE_PEM) ||
        !SSL_CTX_use_PrivateKey_file(tls, file, SSL_FILETYPE_PEM)) { fprintf(stderr, "no certificate in %s\n", file); exit(1); }
}
#else
static void begin_tls(struct person *p, int fd) { (void)fd, p->tls = NULL; }
static void end_tls(struct person *p) { (void)p; }
static ssize_t give(int fd, const char *data, size_t length) { return send(fd, data, length, MSG_NOSIGNAL); }
static ssize_t take(int fd, char *buffer, size_t size) { return recv(fd, buffer, size, 0); }
static void use_tls(const char *file) { (void)file; }
#endif

static void leave(int fd)
{
    struct person *p = people[fd];
    members[p->index] = members[--member_count];
    people[members[p->index]]->index = p->index;
    end_tls(p);
    free(p->part.data);
    free(p->queue.data);
    free(p);
    people[fd] = NULL;
    close(fd);
}

static void deliver(int fd, const char *data, size_t length)
{
    struct person *p = people[fd];
    if (!length) return;
    if (p->queue.length) { add(&p->queue, data, length); return; }
    ssize_t taken = give(fd, data, length);
    if (taken < 0) taken = 0;  /* an error other than a full socket is met again, by the next recv() */
    if ((size_t)taken < length) {
        add(&p->queue, data + taken, length - (size_t)taken);
        watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
    }
}

static void drain(int fd)
{
    struct person *p = people[fd];
    ssize_t taken = give(fd, p->queue.data, p->queue.length);
    if (taken <= 0) return;
    p->queue.length -= (size_t)taken;
    memmove(p->queue.data, p->queue.data + taken, p->queue.length);
    if (!p->queue.length) watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void enter(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct person *p = people[fd] = calloc(1, sizeof *p);
        if (!p) die("calloc");
        p->index = member_count;
        members[member_count++] = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        begin_tls(p, fd);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        deliver(fd, "-> Nickname?\r\n", 14);
    }
}

static void said(int fd, const char *text, size_t length)
{
    struct person *p = people[fd];
    if (!p->named) {
        char hello[NICK + 16];
        snprintf(p->nick, sizeof p->nick, "%.*s", (int)length, text);
        p->named = true;
        deliver(fd, hello, (size_t)snprintf(hello, sizeof hello, "-> Hello %s\r\n", p->nick));
        return;
    }
    if (line_count == line_size) {
        line_size = line_size ? 2 * line_size : 1024;
        if (!(lines = realloc(lines, line_size * sizeof *lines))) die("realloc");
    }
    size_t start = chunk.length;
    add(&chunk, "<", 1);
    add(&chunk, p->nick, strlen(p->nick));
    add(&chunk, "> ", 2);
    add(&chunk, text, length);
    add(&chunk, "\r\n", 2);
    lines[line_count++] = (struct line){fd, start, chunk.length};
    p->spoke = true;
}

static void hear(int fd)
{
    static char buffer[LONGEST + READ];
    struct person *p = people[fd];
    size_t kept = p->part.length;
    if (kept) memcpy(buffer, p->part.data, kept);
    ssize_t got = take(fd, buffer + kept, READ);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { leave(fd); return; }
    char *start = buffer, *end = buffer + kept + got, *stop;
    for (; (stop = memchr(start, '\n', (size_t)(end - start))); start = stop + 1) said(fd, start, (size_t)(stop - start));
    p->part.length = 0;
    if (end - start > LONGEST) leave(fd);
    else add(&p->part, start, (size_t)(end - start));
}

static void fan_out(void)
{
    for (int i = 0; i < member_count; i++) {
        struct person *p = people[members[i]];
        if (!p->spoke) {
            if (p->named) deliver(members[i], chunk.data, chunk.length);
            continue;
        }
        without.length = 0;
        for (size_t l = 0; l < line_count; l++)
            if (lines[l].author != members[i]) add(&without, chunk.data + lines[l].start, lines[l].end - lines[l].start);
        deliver(members[i], without.data, without.length);
        p->spoke = false;
    }
    chunk.length = line_count = 0;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc < 2) { fprintf(stderr, "usage: fanout PORT [CERTIFICATE-AND-KEY]\n"); return 2; }
    use_tls(argv[2]);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 1024) < 0) die("listen");
    poller = epoll_create1(0);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) { enter(fd); continue; }
            if (events[i].events & EPOLLOUT) drain(fd);
            if (events[i].events & ~(unsigned)EPOLLOUT) hear(fd);
        }
        if (line_count) fan_out();
    }
}
