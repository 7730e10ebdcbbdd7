// Fetches a page, for tests and probes inside images that have no other client.
//
//   client http://HOST[:PORT][/PATH] [--timeout SECONDS] [--count N] [--head]
//
// Writes the body to stdout, with --head the status line and headers before it. With --count it
// asks N times, each over a new connection. Exit code: 0 every answer was 2xx; 1 some answer was
// not; 2 no answer (name, connection, timeout); 64 wrong arguments.
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kHeadBytesMax = 65536, kOk = 0, kRefused = 1, kNoAnswer = 2, kUsage = 64 };

struct Target {
  char host[272];
  char port[16];
  char path[2048];
};

static long long NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int ParseUrl(const char* url, struct Target* target) {
  if (strncmp(url, "http://", 7) == 0) url += 7;
  const size_t authority = strcspn(url, "/");
  char text[sizeof target->host];
  if (authority == 0 || authority >= sizeof text) return 0;
  memcpy(text, url, authority);
  text[authority] = 0;
  snprintf(target->path, sizeof target->path, "%s", url[authority] == 0 ? "/" : url + authority);
  strcpy(target->port, "80");
  char* host = text;
  char* colon = strrchr(text, ':');
  if (text[0] == '[') {  // [IPv6]:port
    char* end = strchr(text, ']');
    if (end == NULL) return 0;
    *end = 0;
    host = text + 1;
    colon = end[1] == ':' ? end + 1 : NULL;
  }
  if (colon != NULL) {
    *colon = 0;
    snprintf(target->port, sizeof target->port, "%s", colon + 1);
  }
  snprintf(target->host, sizeof target->host, "%s", host);
  return target->host[0] != 0 && atoi(target->port) > 0;
}

// Waits for `events`; 0 when the deadline came first.
static int Wait(int fd, short events, long long deadline) {
  struct pollfd file = {fd, events, 0};
  const long long left = deadline - NowMs();
  return left > 0 && poll(&file, 1, (int)left) > 0;
}

static int Connect(const struct Target* target, long long deadline) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
  struct addrinfo* addresses = NULL;
  const int failed = getaddrinfo(target->host, target->port, &hints, &addresses);
  if (failed != 0) {
    fprintf(stderr, "client: %s: %s\n", target->host, gai_strerror(failed));
    return -1;
  }
  int error = 0;
  for (const struct addrinfo* a = addresses; a != NULL; a = a->ai_next) {
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      if (!Wait(fd, POLLOUT, deadline)) {
        error = ETIMEDOUT;
      } else {
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0) {
      freeaddrinfo(addresses);
      return fd;
    }
    close(fd);
  }
  freeaddrinfo(addresses);
  fprintf(stderr, "client: %s port %s: %s\n", target->host, target->port, strerror(error));
  return -1;
}

static int SendAll(int fd, const char* text, long long deadline) {
  size_t left = strlen(text);
  while (left > 0) {
    const ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
    if (n > 0) {
      text += n;
      left -= (size_t)n;
    } else if (errno != EAGAIN || !Wait(fd, POLLOUT, deadline)) {
      return 0;
    }
  }
  return 1;
}

// Reads the answer to its end and writes its body. HTTP/1.0 is asked, so the end of the connection
// or Content-Length is the end of the body.
static int Receive(int fd, int show_head, long long deadline) {
  static char head[kHeadBytesMax + 1];
  size_t bytes = 0;
  char* body = NULL;
  long long body_left = -1;  // Unknown.
  int code = 0;
  for (;;) {
    char* const to = body == NULL ? head + bytes : head;
    const size_t room = body == NULL ? kHeadBytesMax - bytes : kHeadBytesMax;
    const ssize_t n = room > 0 ? recv(fd, to, room, 0) : 0;
    if (n < 0 && errno == EAGAIN && Wait(fd, POLLIN, deadline)) continue;
    if (n < 0) {
      fprintf(stderr, "client: %s\n", errno == EAGAIN ? "timed out" : strerror(errno));
      return kNoAnswer;
    }
    size_t body_bytes = (size_t)n;
    const char* from = to;
    if (body == NULL) {
      bytes += (size_t)n;
      head[bytes] = 0;
      char* end = strstr(head, "\r\n\r\n");
      if (end == NULL && n > 0) continue;
      if (end == NULL || sscanf(head, "HTTP/%*s %d", &code) != 1) {
        fprintf(stderr, "client: no HTTP answer\n");
        return kNoAnswer;
      }
      body = end + 4;
      from = body;
      body_bytes = bytes - (size_t)(body - head);
      end[2] = 0;
      const char* length = strcasestr(head, "\r\ncontent-length:");
      if (length != NULL) body_left = atoll(length + 17);
      if (show_head) printf("%s\r\n", head);
    }
    if (body_left >= 0 && (long long)body_bytes > body_left) body_bytes = (size_t)body_left;
    fwrite(from, 1, body_bytes, stdout);
    if (body_left >= 0) body_left -= (long long)body_bytes;
    if (n == 0 || body_left == 0) break;
  }
  fflush(stdout);
  if (body_left > 0) {
    fprintf(stderr, "client: the answer broke off\n");
    return kNoAnswer;
  }
  if (code < 200 || code > 299) fprintf(stderr, "client: status %d\n", code);
  return code >= 200 && code <= 299 ? kOk : kRefused;
}

static int Fetch(const struct Target* target, int show_head, long long timeout_ms) {
  const long long deadline = NowMs() + timeout_ms;
  const int fd = Connect(target, deadline);
  if (fd < 0) return kNoAnswer;
  char request[4096];
  const int ipv6 = strchr(target->host, ':') != NULL;
  snprintf(request, sizeof request,
           "GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\nUser-Agent: skiff-client\r\nAccept: */*\r\n\r\n",
           target->path, ipv6 ? "[" : "", target->host, ipv6 ? "]" : "", target->port);
  const int result = SendAll(fd, request, deadline) ? Receive(fd, show_head, deadline) : kNoAnswer;
  close(fd);
  return result;
}

int main(int argc, char** argv) {
  struct Target target = {0};
  long long timeout_ms = 5000;
  int count = 1, show_head = 0, have_url = 0;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--head") == 0) {
      show_head = 1;
    } else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc) {
      timeout_ms = (long long)(atof(argv[++i]) * 1000);
    } else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
      count = atoi(argv[++i]);
    } else if (argv[i][0] != '-' && !have_url) {
      have_url = ParseUrl(argv[i], &target);
    } else {
      have_url = 0;
      break;
    }
  }
  if (!have_url || timeout_ms <= 0 || count <= 0) {
    fprintf(stderr,
            "usage: client http://HOST[:PORT][/PATH] [--timeout SECONDS] [--count N] [--head]\n");
    return kUsage;
  }
  int worst = kOk;
  for (int i = 0; i < count; ++i) {
    const int result = Fetch(&target, show_head, timeout_ms);
    if (result > worst) worst = result;
  }
  return worst;
}
