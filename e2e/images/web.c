// A small web server for demonstrations and tests; the images nautilus and kitten differ only in
// NAME and picture. One thread and one poll loop; each request is a line on stdout.
//
//   /            a page that shows the picture      /data.json  which picture it is
//   /NAME.jpg    the picture                        /healthz    ok
//   /hostname    the name of the machine (the pod)  /env        the environment, a variable a line
//
// --port N (default 80, or $PORT). At SIGTERM or SIGINT it stops listening, finishes what it has
// begun to answer, and exits 0.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef NAME
#error "build with -DNAME=\"nautilus\" and -DPICTURE=\"path of the .jpg\""
#endif

enum { kConnectionsMax = 200, kRequestBytesMax = 8192, kBodyBytesMax = 65536, kStopWaitMs = 2000 };

__asm__(
    ".section .rodata\n"
    ".globl picture\n"
    ".globl picture_end\n"
    "picture:\n"
    ".incbin \"" PICTURE
    "\"\n"
    "picture_end:\n"
    ".previous\n");
extern const char picture[], picture_end[];
extern char** environ;

struct Connection {
  int fd;
  char peer[64];
  char request[kRequestBytesMax];
  size_t request_bytes;
  char head[512];
  size_t head_bytes;
  const char* body;  // Points to the picture or to text.
  size_t body_bytes;
  size_t sent;  // Of head and body; an answer is under way while head_bytes > 0.
  int keep_alive;
  char text[kBodyBytesMax];
};

static struct Connection* connections[kConnectionsMax];

static long long NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void Log(const char* format, ...) {
  char line[1024];
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ ", now.tv_nsec / 1000000);
  va_list arguments;
  va_start(arguments, format);
  const int added = vsnprintf(line + n, sizeof line - n - 1, format, arguments);
  va_end(arguments);
  n += added < 0 ? 0 : (size_t)added;
  if (n > sizeof line - 2) n = sizeof line - 2;
  line[n++] = '\n';
  if (write(STDOUT_FILENO, line, n) < 0) return;
}

// Lays `format` out as the body.
static void SetText(struct Connection* c, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(c->text, sizeof c->text, format, arguments);
  va_end(arguments);
  c->body = c->text;
  c->body_bytes = n < 0 ? 0 : n >= (int)sizeof c->text ? sizeof c->text - 1 : (size_t)n;
}

static void SetEnvironment(struct Connection* c) {
  c->body = c->text;
  c->body_bytes = 0;
  for (char** entry = environ; *entry != NULL; ++entry) {
    const size_t length = strlen(*entry);
    if (c->body_bytes + length + 1 > sizeof c->text) break;
    memcpy(c->text + c->body_bytes, *entry, length);
    c->text[c->body_bytes + length] = '\n';
    c->body_bytes += length + 1;
  }
}

// Chooses body and type for a path; returns the HTTP code.
static int Route(struct Connection* c, const char* path, const char** type) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  *type = "text/plain; charset=utf-8";
  if (strcmp(path, "/") == 0 || strcmp(path, "/index.html") == 0) {
    *type = "text/html; charset=utf-8";
    SetText(c,
            "<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n"
            "<p>Served by <code>%s</code></p>\n<img src=\"/%s.jpg\" alt=\"%s\">\n",
            NAME, NAME, host, NAME, NAME);
  } else if (strcmp(path, "/data.json") == 0) {
    *type = "application/json";
    SetText(c, "{\n  \"image\": \"%s.jpg\"\n}\n", NAME);
  } else if (strcmp(path, "/" NAME ".jpg") == 0) {
    *type = "image/jpeg";
    c->body = picture;
    c->body_bytes = (size_t)(picture_end - picture);
  } else if (strcmp(path, "/healthz") == 0) {
    SetText(c, "ok\n");
  } else if (strcmp(path, "/hostname") == 0) {
    SetText(c, "%s\n", host);
  } else if (strcmp(path, "/env") == 0) {
    SetEnvironment(c);
  } else {
    SetText(c, "not found\n");
    return 404;
  }
  return 200;
}

static const char* Phrase(int code) {
  return code == 200   ? "OK"
         : code == 404 ? "Not Found"
         : code == 405 ? "Method Not Allowed"
                       : "Bad Request";
}

// Answers the request whose head ends at `end`.
static void Answer(struct Connection* c, char* end) {
  *end = 0;
  char method[16] = "", path[1024] = "", version[16] = "";
  const char* type = "text/plain; charset=utf-8";
  int code = 400;
  if (sscanf(c->request, "%15s %1023s %15s", method, path, version) != 3) {
    SetText(c, "bad request\n");
  } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
    code = 405;
    SetText(c, "method not allowed\n");
  } else {
    path[strcspn(path, "?#")] = 0;
    code = Route(c, path, &type);
  }
  // A body, which no request here has a use for, would be taken for the next request.
  const int plain = strcasestr(c->request, "\r\ncontent-length:") == NULL &&
                    strcasestr(c->request, "\r\ntransfer-encoding:") == NULL;
  c->keep_alive = plain && code != 400 && strcmp(version, "HTTP/1.1") == 0 &&
                  strcasestr(c->request, "\r\nconnection: close") == NULL;
  c->head_bytes = (size_t)snprintf(c->head, sizeof c->head,
                                   "HTTP/1.1 %d %s\r\nServer: %s\r\nContent-Type: "
                                   "%s\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n",
                                   code, Phrase(code), NAME, type, c->body_bytes,
                                   c->keep_alive ? "keep-alive" : "close");
  if (strcmp(method, "HEAD") == 0) c->body_bytes = 0;
  c->sent = 0;
  Log("%s \"%s %s\" %d", c->peer, method, path, code);
}

// Looks for a whole request in what has been read. 0: the connection is to be closed.
static int TakeRequest(struct Connection* c) {
  c->request[c->request_bytes] = 0;
  char* end = strstr(c->request, "\r\n\r\n");
  if (end == NULL) return c->request_bytes < sizeof c->request - 1;
  const size_t used = (size_t)(end - c->request) + 4;
  Answer(c, end);
  c->request_bytes -= used;
  memmove(c->request, c->request + used, c->request_bytes);
  return 1;
}

static int Send(struct Connection* c) {
  while (c->head_bytes > 0) {
    const int in_head = c->sent < c->head_bytes;
    const char* from = in_head ? c->head + c->sent : c->body + (c->sent - c->head_bytes);
    const size_t left = in_head ? c->head_bytes - c->sent : c->head_bytes + c->body_bytes - c->sent;
    if (left > 0) {
      const ssize_t n = send(c->fd, from, left, MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      c->sent += (size_t)n;
      continue;
    }
    c->head_bytes = 0;
    if (!c->keep_alive || !TakeRequest(c)) return 0;
  }
  return 1;
}

static int Receive(struct Connection* c) {
  const ssize_t n =
      recv(c->fd, c->request + c->request_bytes, sizeof c->request - 1 - c->request_bytes, 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return 0;
  c->request_bytes += (size_t)n;
  return TakeRequest(c) && Send(c);
}

static void Accept(int listener) {
  struct sockaddr_in6 from;
  socklen_t size = sizeof from;
  const int fd = accept4(listener, (struct sockaddr*)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  for (int i = 0; i < kConnectionsMax; ++i) {
    if (connections[i] != NULL) continue;
    struct Connection* c = calloc(1, sizeof *c);
    if (c == NULL) break;
    c->fd = fd;
    const void* address = from.sin6_family == AF_INET6
                              ? (const void*)&from.sin6_addr
                              : (const void*)&((struct sockaddr_in*)&from)->sin_addr;
    inet_ntop(from.sin6_family, address, c->peer, sizeof c->peer);
    if (strncmp(c->peer, "::ffff:", 7) == 0) memmove(c->peer, c->peer + 7, strlen(c->peer + 7) + 1);
    connections[i] = c;
    return;
  }
  close(fd);  // Full: the client sees the end of the connection and may come again.
}

static int Listen(int port) {
  const int on = 1, off = 0;
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr*)&any, sizeof any) == 0 && listen(fd, 128) == 0) return fd;
    close(fd);
  }
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd >= 0 && bind(fd, (const struct sockaddr*)&any, sizeof any) == 0 && listen(fd, 128) == 0) {
    return fd;
  }
  return -1;
}

// One round of the loop. Returns the number of answers still under way, or -1 when nothing came in
// time.
static int Round(int listener, int signals, int timeout_ms, int* stopping) {
  struct pollfd files[kConnectionsMax + 2] = {{signals, POLLIN, 0}, {listener, POLLIN, 0}};
  int busy = 0;
  for (int i = 0; i < kConnectionsMax; ++i) {
    struct Connection* c = connections[i];
    files[i + 2].fd = c == NULL ? -1 : c->fd;
    files[i + 2].events = c != NULL && c->head_bytes > 0 ? POLLOUT : POLLIN;
  }
  if (poll(files, kConnectionsMax + 2, timeout_ms) <= 0) return -1;
  for (int i = 0; i < kConnectionsMax; ++i) {
    struct Connection* c = connections[i];
    if (c == NULL) continue;
    const int alive = files[i + 2].revents == 0 || (c->head_bytes > 0 ? Send(c) : Receive(c));
    if (alive) {
      busy += c->head_bytes > 0;
      continue;
    }
    close(c->fd);
    free(c);
    connections[i] = NULL;
  }
  if (listener >= 0 && files[1].revents != 0) Accept(listener);
  struct signalfd_siginfo signal;
  if (files[0].revents != 0 && read(signals, &signal, sizeof signal) > 0) *stopping = 1;
  return busy;
}

int main(int argc, char** argv) {
  const char* port_text = getenv("PORT");
  if (argc == 3 && strcmp(argv[1], "--port") == 0) port_text = argv[2];
  const int port = port_text != NULL ? atoi(port_text) : 80;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  int listener = Listen(port);
  if (listener < 0) {
    Log("%s cannot listen on port %d: %s", NAME, port, strerror(errno));
    return 1;
  }
  Log("%s listens on port %d", NAME, port);
  int stopping = 0, busy = 0;
  while (!stopping) Round(listener, signals, -1, &stopping);
  // Who was told to send here a moment ago is still served: the news that we go takes its time.
  const char* drain_text = getenv("DRAIN_SECONDS");
  const long long drained_at = NowMs() + 1000LL * (drain_text != NULL ? atoi(drain_text) : 0);
  for (long long left = drained_at - NowMs(); left > 0; left = drained_at - NowMs()) {
    Round(listener, signals, (int)left, &stopping);
  }
  close(listener);
  Log("%s stops", NAME);
  do {
    busy = 0;
    for (int i = 0; i < kConnectionsMax; ++i) {
      busy += connections[i] != NULL && connections[i]->head_bytes > 0;
    }
  } while (busy > 0 && Round(-1, signals, kStopWaitMs, &stopping) >= 0);
  return 0;
}
