// The HTTPS transport against our own front, over loopback.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>

#include "base/certificates.h"
#include "client/renewable_transport.h"
#include "http/server.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

// Yields one line, then waits until the client leaves.
class OneLine final : public http::StreamSource {
 public:
  explicit OneLine(std::promise<void>& left) : left_(left) {}
  ~OneLine() override { left_.set_value(); }
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (sent_) return http::Pulled::kIdle;
    sent_ = true;
    out.push_back(std::make_shared<const std::string>("line\n"));
    return http::Pulled::kIdle;
  }

 private:
  std::promise<void>& left_;
  bool sent_ = false;
};

class HttpsTransportTest : public testing::Test, public http::Handler {
 protected:
  HttpsTransportTest() {
    StartServer(0);
    options_.server = "https://127.0.0.1:" + std::to_string(server_->port()) + "/prefix/";
    options_.certificate_authority = authority_.certificate_pem();
  }

  // Ends the one before.
  void StartServer(int port) {
    server_.reset();
    const auto certificate = authority_.IssueServer();
    http::ServerTls tls;
    tls.certificate_pem = certificate.certificate_pem;
    tls.key_pem = certificate.key_pem;
    tls.client_ca_pem = authority_.certificate_pem();
    auto server = http::Server::Start({.port = port, .tls = tls}, loops_, *this);
    server_ = std::move(*server);
  }

  http::Response Handle(const http::Request& request) override {
    http::Response response;
    if (request.path.ends_with("/unauthorized")) {
      response.status = 401;
      return response;
    }
    if (request.path.ends_with("/late")) late_.get_future().wait();
    if (request.HasQuery("watch") || request.path.ends_with("/long")) {
      if (request.path.ends_with("gone")) {
        response.status = 410;
        response.body = "expired";
      } else if (request.path.ends_with("half")) {
        response.status = 503;
        response.stream = std::make_unique<OneLine>(left_);
      } else {
        if (request.path.ends_with("/made/long")) response.status = 201;
        response.stream = std::make_unique<OneLine>(left_);
      }
      return response;
    }
    response.body = request.method + " " + request.path + " " + request.body + " " +
                    std::string(request.Header("Authorization"));
    if (request.peer_certificate) response.body += " as " + request.peer_certificate->common_name;
    if (const auto as = request.Header("Impersonate-User"); !as.empty()) {
      response.body.append(" /").append(as).append(" ").append(request.Header("Impersonate-Group"));
    }
    return response;
  }

  std::unique_ptr<Transport> Connect() {
    auto transport = MakeHttpsTransport(options_);
    EXPECT_TRUE(transport) << transport.error().message;
    return transport ? std::move(*transport) : nullptr;
  }

  static http::Request Get(const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    return request;
  }

  http::testing::TestAuthority authority_;
  std::promise<void> left_;
  std::promise<void> late_;
  http::Loops loops_;
  std::unique_ptr<http::Server> server_;
  HttpsOptions options_;
};

TEST_F(HttpsTransportTest, RequestsCarryMethodPathBodyAndToken) {
  options_.token = "secret";
  http::Request request = Get("/api/v1/pods");
  request.method = "POST";
  request.headers.emplace("Content-Type", "application/json");
  request.body = "{}";
  const auto response = Connect()->Send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /prefix/api/v1/pods {} Bearer secret");
}

TEST_F(HttpsTransportTest, WhoAsksAsAnotherDoesSoUnlessTheRequestSaysWhom) {
  options_.impersonation = {{"Impersonate-User", "bob"}, {"Impersonate-Group", "devs"}};
  const auto transport = Connect();
  const auto asked_as = [&](http::Headers headers) {
    http::Request request{.method = "GET", .path = "/x", .headers = std::move(headers)};
    const http::Response answer = transport->Send(std::move(request));
    return answer.body.substr(answer.body.find_last_of('/') + 1);
  };
  EXPECT_EQ(asked_as({}), "bob devs");
  EXPECT_EQ(asked_as({{"Impersonate-User", "eve"}}), "eve ");
}

TEST_F(HttpsTransportTest, ConnectionsAreKeptAndReused) {
  const auto transport = Connect();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(transport->Send(Get("/x")).status, 200);
  EXPECT_EQ(server_->stats().accepted, 1u);
}

TEST_F(HttpsTransportTest, AKeptConnectionThatTheServerEndedIsNotUsed) {
  std::signal(SIGPIPE, SIG_IGN);  // As in all our programs.
  const auto transport = Connect();
  http::Request request = Get("/x");
  request.method = "PATCH";  // What may not be sent twice.
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(transport->Send(request).status, 200) << i;
    StartServer(server_->port());
  }
}

TEST_F(HttpsTransportTest, TheClientCertificateSaysWhoAsks) {
  const auto client =
      authority_.Issue({.common_name = "admin", .organizations = {"system:masters"}});
  options_.client_certificate = client.certificate_pem;
  options_.client_key = client.key_pem;
  EXPECT_TRUE(Connect()->Send(Get("/x")).body.ends_with(" as admin"));
}

TEST_F(HttpsTransportTest, ANewCertificateIsShownFromThenOnAndStreamsGoOn) {
  const auto before = authority_.Issue({.common_name = "before"});
  const auto after = authority_.Issue({.common_name = "after"});
  options_.client_certificate = before.certificate_pem;
  options_.client_key = before.key_pem;
  auto made = MakeRenewableTransport(options_);
  ASSERT_TRUE(made) << made.error().message;
  RenewableTransport& transport = **made;
  EXPECT_TRUE(transport.Send(Get("/x")).body.ends_with(" as before"));
  http::Request watch = Get("/api/v1/pods");
  watch.query = {{"watch", "true"}};
  auto streaming = transport.Send(watch);
  ASSERT_NE(streaming.stream, nullptr);

  EXPECT_FALSE(transport.Renew(after.certificate_pem, "nonsense"));
  EXPECT_TRUE(transport.Send(Get("/x")).body.ends_with(" as before"));
  ASSERT_TRUE(transport.Renew(after.certificate_pem, after.key_pem));
  EXPECT_TRUE(transport.Send(Get("/x")).body.ends_with(" as after"));
  auto left = left_.get_future();
  EXPECT_EQ(left.wait_for(0s), std::future_status::timeout) << "the watch goes on";
  streaming.stream.reset();
  left.wait();
}

TEST_F(HttpsTransportTest, ACertificateThatIsNotValidYetIsSaidToBe) {
  const TimePoint now = SystemClock().Now();
  const auto authority = *CertificateAuthority::Create("kubernetes", now);
  const auto tomorrow = *authority.Issue(
      {.common_name = "server", .ip_addresses = {"127.0.0.1"}, .server = true}, now + 24h);
  const auto reloaded = server_->ReloadTls({tomorrow.certificate_pem, tomorrow.key_pem, ""});
  ASSERT_TRUE(reloaded) << reloaded.error().message;
  options_.certificate_authority = authority.pem().certificate_pem;
  const std::string said = Connect()->Send(Get("/x")).body;
  EXPECT_NE(said.find("has expired or is not yet valid"), std::string::npos) << said;
  EXPECT_NE(said.find("certificate is not yet valid, and the current time here is"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("set this machine's clock"), std::string::npos) << said;
}

TEST_F(HttpsTransportTest, SaysWhyNothingCanBeConnectedTo) {
  const auto said = [&](const std::string& server) {
    options_.server = server;
    return Connect()->Send(Get("/x")).body;
  };
  EXPECT_NE(said("https://127.0.0.1:1").find("dial tcp 127.0.0.1:1: connect: connection refused"),
            std::string::npos);
  EXPECT_NE(said("http://[::1]:1").find("dial tcp [::1]:1: connect: "), std::string::npos);
  const std::string nowhere = said("https://nosuch.invalid:1");
  EXPECT_NE(nowhere.find("dial tcp: lookup nosuch.invalid: "), std::string::npos) << nowhere;
  EXPECT_EQ(nowhere.find("refused"), std::string::npos) << nowhere;
}

TEST_F(HttpsTransportTest, AServerOfAnotherAuthorityIsNotTalkedTo) {
  options_.certificate_authority = http::testing::TestAuthority("other").certificate_pem();
  const auto response = Connect()->Send(Get("/x"));
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find("Unable to connect"), std::string::npos);
  EXPECT_NE(response.body.find("x509: certificate signed by unknown authority"), std::string::npos);
  // As after a cluster was made anew, whose old kubeconfig is still there.
  options_.certificate_authority = http::testing::TestAuthority().certificate_pem();
  const std::string said = Connect()->Send(Get("/x")).body;
  EXPECT_NE(said.find("x509: certificate signed by unknown authority (possibly because of "),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("while trying to verify candidate authority certificate "), std::string::npos)
      << said;
  options_.insecure_skip_tls_verify = true;
  EXPECT_EQ(Connect()->Send(Get("/x")).status, 200);
}

TEST_F(HttpsTransportTest, WhereAnAuthorityIsGivenTheSystemsDoNotCount) {
  const std::string path = testing::TempDir() + "/system-" + std::to_string(getpid()) + ".pem";
  std::ofstream(path) << authority_.certificate_pem();
  setenv("SSL_CERT_FILE", path.c_str(), 1);
  options_.certificate_authority = http::testing::TestAuthority("other").certificate_pem();
  EXPECT_EQ(Connect()->Send(Get("/x")).status, 503);
  options_.certificate_authority.clear();
  EXPECT_EQ(Connect()->Send(Get("/x")).status, 200) << "the system's count where none is given";
  unsetenv("SSL_CERT_FILE");
  std::filesystem::remove(path);
}

TEST_F(HttpsTransportTest, ManyMayConnectAtOnce) {
  constexpr int kRounds = 10, kClients = 16;
  for (int round = 0; round < kRounds; ++round) {
    const auto transport = Connect();
    std::latch start(kClients);
    std::vector<std::future<int>> answers;
    for (int i = 0; i < kClients; ++i) {
      answers.push_back(std::async(std::launch::async, [&] {
        start.arrive_and_wait();
        return transport->Send(Get("/x")).status;
      }));
    }
    for (auto& answer : answers) EXPECT_EQ(answer.get(), 200);
  }
}

TEST_F(HttpsTransportTest, AWatchStreamsUntilItIsDropped) {
  const auto transport = Connect();
  http::Request request = Get("/api/v1/pods");
  request.query = {{"watch", "true"}};
  auto response = transport->Send(request);
  ASSERT_EQ(response.status, 200);
  ASSERT_NE(response.stream, nullptr);
  std::promise<void> woken;
  std::atomic<bool> once = false;
  response.stream->Attach([&] {
    if (!once.exchange(true)) woken.set_value();
  });
  std::vector<http::SharedBytes> chunks;
  if (response.stream->Pull(100, chunks) == http::Pulled::kIdle && chunks.empty()) {
    woken.get_future().wait();
    response.stream->Pull(100, chunks);
  }
  ASSERT_FALSE(chunks.empty());
  EXPECT_EQ(*chunks[0], "line\n");
  response.stream.reset();
  left_.get_future().wait();  // The server noticed.
}

// A log that is as long as it likes, and is not followed.
TEST_F(HttpsTransportTest, WhatIsWantedAsAStreamIsOneWhateverItsPath) {
  const auto transport = Connect();
  http::Request request = Get("/long");
  request.wants_stream = true;
  auto response = transport->Send(request);
  ASSERT_EQ(response.status, 200);
  EXPECT_NE(response.stream, nullptr) << "else it would be read to its end, which never comes";
  response.stream.reset();
  left_.get_future().wait();
}

// What stands behind a service answers as it likes.
TEST_F(HttpsTransportTest, AGoodAnswerOtherThan200IsAsLongAsItLikesToo) {
  const auto transport = Connect();
  http::Request request = Get("/made/long");
  request.wants_stream = true;
  auto response = transport->Send(request);
  ASSERT_EQ(response.status, 201);
  ASSERT_NE(response.stream, nullptr) << "else it would be cut";
  response.stream.reset();
  left_.get_future().wait();
}

TEST_F(HttpsTransportTest, AStreamThatDoesNotBeginIsToldAsAnAnswerThatDoesNotCome) {
  options_.request_timeout_ms = 1000;
  http::Request request = Get("/late");
  request.wants_stream = true;
  const http::Response answer = Connect()->Send(request);
  late_.set_value();
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("(Client.Timeout exceeded while awaiting headers)"), std::string::npos)
      << answer.body;
}

TEST_F(HttpsTransportTest, ARefusedWatchIsAnAnswerWithABody) {
  http::Request request = Get("/gone");
  request.query = {{"watch", "true"}};
  const auto response = Connect()->Send(request);
  EXPECT_EQ(response.status, 410);
  EXPECT_EQ(response.body, "expired");
  EXPECT_EQ(response.stream, nullptr);
}

// A server that is ending may stop in the middle: who watches must be able to end all the same.
TEST_F(HttpsTransportTest, ARefusalThatDoesNotEndIsNotWaitedForLongerThanAnAnswer) {
  options_.request_timeout_ms = 1000;
  http::Request request = Get("/half");
  request.query = {{"watch", "true"}};
  const http::Response answer = Connect()->Send(request);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "line\n");
  EXPECT_FALSE(answer.stream);
}

TEST_F(HttpsTransportTest, AServerThatIsNotThereIsAnAnswerToo) {
  options_.server = "https://127.0.0.1:1";
  const auto transport = Connect();
  EXPECT_EQ(transport->Send(Get("/x")).status, 503);
  http::Request watch = Get("/x");
  watch.query = {{"watch", "true"}};
  EXPECT_EQ(transport->Send(watch).status, 503);
}

// Gives one token after the other.
class Tokens final : public CredentialSource {
 public:
  Result<Credentials> Get() override {
    if (left_.empty()) return Fail(Reason::kUnauthorized, "no \"more\"");
    return Credentials{.token = left_.front()};
  }
  void Refused(const Credentials& credentials) override {
    if (!left_.empty() && credentials.token == left_.front()) left_.erase(left_.begin());
  }

 private:
  std::vector<std::string> left_ = {"first", "second"};
};

TEST_F(HttpsTransportTest, WhatAServerRefusesIsNotShownAgain) {
  options_.credentials = std::make_shared<Tokens>();
  const auto transport = Connect();
  EXPECT_NE(transport->Send(Get("/a")).body.find("Bearer first"), std::string::npos);
  EXPECT_NE(transport->Send(Get("/a")).body.find("Bearer first"), std::string::npos);
  EXPECT_EQ(transport->Send(Get("/unauthorized")).status, 401);
  EXPECT_NE(transport->Send(Get("/a")).body.find("Bearer second"), std::string::npos);
  http::Request watch = Get("/unauthorized");
  watch.query = {{"watch", "1"}};
  EXPECT_EQ(transport->Send(watch).status, 401) << "a stream counts too";
  const http::Response none = transport->Send(Get("/a"));
  EXPECT_EQ(none.status, 503);
  EXPECT_NE(none.body.find(R"(getting credentials: no \"more\")"), std::string::npos) << none.body;
}

TEST_F(HttpsTransportTest, WhoDoesNotWaitAnyLongerSaysSoInGosWords) {
  options_.request_timeout_ms = 150;
  const auto transport = Connect();
  EXPECT_EQ(transport->Send(Get("/at/once")).status, 200);
  const auto begun = std::chrono::steady_clock::now();
  const http::Response answer = transport->Send(Get("/late"));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 150ms);
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find(": net/http: request canceled (Client.Timeout exceeded while awaiting "
                             "headers)\""),
            std::string::npos)
      << answer.body;
  late_.set_value();  // It was asked once: nobody waits for this a second time.
}

TEST_F(HttpsTransportTest, BadMaterialIsRefusedBeforehand) {
  options_.certificate_authority = "nonsense";
  EXPECT_FALSE(MakeHttpsTransport(options_));
  options_ = {.server = "https://host:99999"};
  EXPECT_FALSE(MakeHttpsTransport(options_));
}

}  // namespace
}  // namespace skiff
