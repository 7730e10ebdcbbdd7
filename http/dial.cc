#include "http/dial.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "http/socket.h"

namespace skiff::http {
namespace {

constexpr Duration kPartMin = 2s;

// As in Go: what is left goes in equal parts to those that are left.
Duration PartOf(Duration left, size_t addresses) {
  return std::min(left, std::max(left / static_cast<int64_t>(addresses), kPartMin));
}

// 0, or the errno; ETIMEDOUT where it is not known by then.
int AwaitConnection(int fd, const Clock& clock, Duration end) {
  while (true) {
    const Duration left = end - clock.Monotonic();
    if (left <= Duration(0)) return ETIMEDOUT;
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd done{.fd = fd, .events = POLLOUT, .revents = 0};
    const int ready = poll(&done, 1, static_cast<int>(std::min<int64_t>(left_ms, 1 << 30)));
    if (ready > 0) return ConnectError(fd);
    if (ready < 0 && errno != EINTR) return errno;
  }
}

}  // namespace

Result<int> DialAny(const std::vector<std::string>& addresses, int port, Duration patience) {
  const SystemClock clock;
  const Duration end = clock.Monotonic() + patience;
  Result<int> first = Fail(Reason::kServiceUnavailable, "dial tcp: no address");
  for (size_t i = 0; i < addresses.size(); ++i) {
    const Duration now = clock.Monotonic();
    const SocketAddress address{.host = addresses[i], .port = port};
    auto fd = StartConnecting(address);
    const auto failed = [&](std::string why) {
      if (i == 0) first = Fail(Reason::kServiceUnavailable, std::move(why));
    };
    if (!fd) {
      failed(fd.error().message);
      continue;
    }
    const int error = AwaitConnection(*fd, clock, now + PartOf(end - now, addresses.size() - i));
    if (error == 0) {
      fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) & ~O_NONBLOCK);
      return fd;
    }
    close(*fd);
    const std::string where = "dial " + DescribeAddress(address) + ": ";
    failed(where + (error == ETIMEDOUT ? "i/o timeout" : "connect: " + ErrnoText(error)));
  }
  return first;
}

Result<int> DialHost(const std::string& host, int port, Duration patience) {
  return DialAny(TRY(ResolveHost(host)), port, patience);
}

}  // namespace skiff::http
