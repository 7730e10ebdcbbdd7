#include "skiff/component_clients.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skiff {
namespace {

// A server that takes connections and says nothing.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, any, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_;
  int port_ = 0;
};

// Nobody knows meanwhile that somebody else leads already.
TEST(ComponentClientsTest, TheElectionDoesNotWaitAsLongAsOthersDo) {
  const SilentServer server;
  MetricRegistry metrics;
  SystemClock clock;
  const auto clients = ComponentClients::Make(
      {.server = server.url()}, {.name = "test", .election_timeout = 100ms}, {metrics, clock});
  ASSERT_TRUE(clients) << clients.error().message;
  http::Request request;
  request.method = "GET";
  request.path = "/x";
  const Duration begun = clock.Monotonic();
  EXPECT_EQ((*clients)->OfElection().Send(request).status, 503);
  EXPECT_LT(clock.Monotonic() - begun, 30s) << "others wait for a minute";
}

}  // namespace
}  // namespace skiff
