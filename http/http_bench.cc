// Requests a second of the front, plain and over TLS, with a handler that answers at once.
//
//   http_bench [connections] [seconds]
//
// Two client threads share the machine with the server: each writes a request on every one of its
// connections, then reads every answer.
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <thread>

#include "http/server.h"
#include "http/test_client.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::TestClient;

class PodHandler : public Handler {
 public:
  Response Handle(const Request&) override {
    Response response;
    response.content_type = "application/json";
    response.pieces.push_back(pod_);
    return response;
  }

 private:
  const SharedBytes pod_ = std::make_shared<const std::string>(2'000, 'p');
};

constexpr std::string_view kRequest =
    "GET /api/v1/namespaces/default/pods/p1 HTTP/1.1\r\nHost: localhost:1\r\n"
    "Accept: application/json, */*\r\nAccept-Encoding: gzip\r\nUser-Agent: kubectl/v1.35.0\r\n"
    "Authorization: Bearer abcdef\r\n\r\n";

void Run(const char* name, int port, const std::optional<ClientTls>& tls, int connections,
         std::chrono::seconds length) {
  std::atomic<bool> stop = false;
  std::atomic<size_t> answers = 0;
  const auto load = [&] {
    std::deque<TestClient> clients;
    for (int i = 0; i < connections / 2; ++i) clients.emplace_back(port, tls);
    while (!stop) {
      for (auto& client : clients) client.Send(kRequest);
      for (auto& client : clients) answers += client.ReadAnswer().status() == 200 ? 1 : 0;
    }
  };
  std::jthread first(load);
  std::jthread second(load);
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, length, [] { return false; });
  stop = true;
  std::printf("%s: %.0f requests/s on %d connections\n", name,
              static_cast<double>(answers) / static_cast<double>(length.count()), connections);
}

}  // namespace
}  // namespace skiff::http

int main(int argc, char** argv) {
  using namespace skiff;
  using namespace skiff::http;
  const int connections = argc > 1 ? std::atoi(argv[1]) : 64;
  const std::chrono::seconds length(argc > 2 ? std::atoi(argv[2]) : 3);
  Loops loops(1);
  PodHandler handler;
  http::testing::TestAuthority authority;
  const auto leaf = authority.IssueServer();
  const auto plain = Server::Start({}, loops, handler);
  const auto secure =
      Server::Start({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem, ""}}, loops, handler);
  CHECK(plain && secure);
  Run("plain", (*plain)->port(), std::nullopt, connections, length);
  Run("TLS", (*secure)->port(), ClientTls{.ca_pem = authority.certificate_pem()}, connections,
      length);
  return 0;
}
