// IngressLoop over a real HAProxy, in a network namespace of the test's own: the ports are 80 and
// 443, endpoints are small servers at 10.244.0.x, and the API's objects are what the test puts.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/certificates.h"
#include "base/id.h"
#include "base/network_test_host.h"
#include "base/pem.h"
#include "client/transport.h"
#include "http/test_client.h"
#include "http/test_server.h"
#include "http/websocket.h"
#include "proxy/ingress/ingress_loop.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {

// Sends each message back.
class EchoMessages final : public http::MessageHandler {
 public:
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override { sender_ = sender; }
  bool OnMessage(std::string_view data, bool text) override {
    return sender_->Send(std::string(data), text);
  }
  void OnClose(int /*code*/, std::string_view /*reason*/) override {}

 private:
  std::shared_ptr<http::WebSocketSender> sender_;
};

class IngressFixture : public testing::Test {
 protected:
  static constexpr char kAddress[] = "192.0.2.1";
  enum class Statuses : uint8_t { kAnswered, kHeld };

  explicit IngressFixture(Statuses statuses = Statuses::kAnswered)
      : transport_([this](const http::Request& request) { return Answer(request); },
                   InProcessTransport::Bodies::kText, Later(statuses)) {}

  void SetUp() override {
    host_ = TestHost::Make();
    if (!host_) GTEST_SKIP() << "making a network namespace needs root";
    if (!FindProgram("haproxy")) GTEST_SKIP() << "haproxy is not installed";
    host_->Do("ip address add 10.244.0.1/24 dev lo");  // Any of these is its own then.
    std::string name = "/tmp/skiff-ingress-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    now_ = SystemClock().Now();
    authority_ = *CertificateAuthority::Create("ca", now_);
  }
  void TearDown() override {
    End();
    servers_.clear();
    if (directory_.empty()) return;
    EXPECT_TRUE(Haproxy(directory_).Stop());
    std::filesystem::remove_all(directory_);
  }

  KeyPair CertificateFor(const std::string& name) {
    return *authority_->Issue({.common_name = name, .dns_names = {name}, .server = true}, now_);
  }
  // An endpoint: 10.244.0.HOST:8080, which tells its name and what it was asked.
  void Serve(const std::string& name, int host, const std::optional<http::ServerTls>& tls = {},
             bool http2 = true) {
    host_->Run([&] {
      auto handle = [name](const http::Request& request) {
        if (http::IsWebSocket(request)) {
          return http::AcceptWebSocket(request, "", std::make_unique<EchoMessages>());
        }
        http::Response response = http::testing::Text(name + " " + request.target + "\n");
        for (const char* header : {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix",
                                   "x-forwarded-ssl", "x-scheme", "host", "upgrade"}) {
          response.body += std::string(header) + ": " + std::string(request.Header(header)) + "\n";
        }
        response.body += request.http2 ? "HTTP/2\n" : "HTTP/1.1\n";
        return response;
      };
      servers_[name] = std::make_unique<http::testing::Fixture>(
          handle,
          http::Server::Options{
              .bind_address = Ip(host), .port = 8080, .tls = tls, .http2 = http2},
          1);
    });
  }
  // Services web and api, an endpoint each.
  void ServeTwo() {
    Serve("web", 1);
    Serve("api", 2);
    objects_.AddService("web", {Ip(1)});
    objects_.AddService("api", {Ip(2)});
  }
  static std::string Ip(int host) { return "10.244.0." + std::to_string(host); }

  // The loop, as a new start of the program has it.
  void Begin() {
    host_->Run([&] {
      informers_ =
          std::make_unique<InformerFactory>(Reflector::Dependencies{client_, clock_, random_});
      events_ = std::make_unique<EventSink>(client_, clock_);
      recorder_ = std::make_unique<EventRecorder>(*events_, clock_, "ingress", "");
      executor_ = std::make_unique<ThreadExecutor>("ingress", 1);
      if (default_certificate_.empty()) {
        const KeyPair own = CertificateFor("default.invalid");
        default_certificate_ = JoinPem(own.certificate_pem, own.key_pem);
      }
      loop_ = std::make_unique<IngressLoop>(
          IngressLoop::Dependencies{*informers_, client_, *recorder_, clock_},
          HaproxySettings{.directory = directory_,
                          .user = "haproxy",
                          .addresses = binds_,
                          .http_port = 80,
                          .https_port = 443,
                          .metrics_port = 10254,
                          .default_certificate = default_certificate_},
          addresses_);
      executor_->Add(*loop_);
      executor_->Add(*events_);
    });
    Publish();
  }
  void End() {
    if (loop_) {
      executor_->Remove(*loop_);
      executor_->Remove(*events_);
    }
    loop_.reset();
    executor_.reset();
  }

  // What the test's objects are from now on.
  void Publish() {
    PutAll<core_v1::Service>(ValuesOf(objects_.services));
    PutAll<discovery_v1::EndpointSlice>(ValuesOf(objects_.slices));
    PutAll<core_v1::Secret>(secrets_);
    std::vector<networking_v1::IngressClass> classes;
    for (const auto& each : objects_.classes) classes.push_back(*each);
    PutAll<networking_v1::IngressClass>(classes);
    std::vector<networking_v1::Ingress> ingresses;
    for (const auto& each : objects_.ingresses) ingresses.push_back(*each);
    PutAll<networking_v1::Ingress>(ingresses);
  }
  void AddSecret(const std::string& name, const KeyPair& pair) {
    core_v1::Secret secret;
    secret.metadata.namespace_ = "default";
    secret.metadata.name = name;
    secret.data["tls.crt"] = pair.certificate_pem;
    secret.data["tls.key"] = pair.key_pem;
    secrets_.push_back(secret);
  }
  void SetEndpoints(const std::string& service, const std::vector<int>& hosts) {
    auto& endpoints = objects_.slices.at(service)->endpoints;
    endpoints.clear();
    for (const int each : hosts) endpoints.emplace_back().addresses = {Ip(each)};
  }

  // Status and the first word that the endpoint says: "200 web".
  std::string Get(const std::string& host, const std::string& path) {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n");
  }
  std::string Ask(const std::string& head) {
    std::string said;
    host_->Run([&] {
      if (!Listens(80)) {
        said = "nobody";
        return;
      }
      http::testing::TestClient client(80);
      client.Send(head + "Connection: close\r\n\r\n");
      const std::string text = client.ReadToEnd();
      const size_t end = text.find("\r\n\r\n");
      if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return;
      body_ = text.substr(end + 4);
      said = text.substr(9, 3) + " " + body_.substr(0, body_.find(' '));
    });
    return said;
  }
  bool UntilGet(const std::string& host, const std::string& path, const std::string& said) {
    return Until([&] { return Get(host, path) == said; });
  }
  template <typename Condition>
  bool Until(Condition condition) {
    const Duration deadline = clock_.Monotonic() + 20s;
    while (!condition()) {
      if (clock_.Monotonic() > deadline) return false;
      poll(nullptr, 0, 20);
    }
    return true;
  }
  // What curl prints and says.
  std::string Curl(const std::vector<std::string>& args) {
    std::string out;
    host_->Run([&] {
      std::vector<std::string> argv = {"curl", "-sk", "--max-time", "10"};
      argv.insert(argv.end(), args.begin(), args.end());
      const auto done = RunProcess({.argv = argv}).value_or(ProcessOutput{});
      out = done.out + done.err;
    });
    return out;
  }
  // Of all PATCHes of status and all Events.
  std::string Written() {
    const MutexLock lock(mutex_);
    return written_;
  }
  bool Listens(int port) const {
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto at = TestAddress::Of("127.0.0.1", port);
    const bool listens = connect(file, at.get(), at.length) == 0;
    close(file);
    return listens;
  }

  std::unique_ptr<TestHost> host_;
  std::vector<std::string> addresses_ = {kAddress};
  std::vector<std::string> binds_ = {"0.0.0.0"};
  std::string directory_;
  TestObjects objects_;
  std::vector<core_v1::Secret> secrets_;
  std::map<std::string, std::unique_ptr<http::testing::Fixture>> servers_;
  std::unique_ptr<IngressLoop> loop_;
  std::string body_;  // Of the last Ask.
  std::atomic<int> conflicts_ = 0;  // So many PATCHes meet another version.
  // PATCHes without an answer, where the test wants them so.
  std::atomic<int> held_ = 0;
  std::unique_ptr<EventSink> events_;

 private:
  template <typename K>
  static std::vector<K> ValuesOf(const std::map<std::string, std::shared_ptr<K>>& objects) {
    std::vector<K> values;
    for (const auto& [name, object] : objects) values.push_back(*object);
    return values;
  }
  template <Kind K>
  void PutAll(std::vector<K> objects) {
    std::vector<RawJson> items;
    for (K& object : objects) {
      Json document = ToJson(object);
      // One whose contents are the same is the same version.
      const std::string before = document.dump();
      auto& [text, version] = versions_[std::string(K::Info().kind) + object.metadata.name];
      if (text != before) {
        text = before;
        version = std::to_string(++revision_);
      }
      document["metadata"]["resourceVersion"] = version;
      items.push_back(document);
    }
    informers_->For<K>().cache().Replace(std::move(items), std::to_string(revision_));
  }
  http::Response Answer(const http::Request& request) {
    const MutexLock lock(mutex_);
    if (request.method != "GET") {
      written_ += request.method + " " + request.path + " " + request.body + "\n";
    }
    if (request.method == "PATCH" && conflicts_ > 0) {
      --conflicts_;
      return {.status = 409,
              .content_type = "application/json",
              .body = R"({"kind":"Status","code":409,"reason":"Conflict"})"};
    }
    return {.status = 200, .content_type = "application/json", .body = request.body};
  }

  InProcessTransport::HandleLater Later(Statuses statuses) {
    if (statuses == Statuses::kAnswered) return nullptr;
    return [this](const http::Request& request,
                  const http::LateReplyPtr& reply) -> std::optional<http::Response> {
      if (request.method != "PATCH") return Answer(request);
      const MutexLock lock(mutex_);
      replies_.push_back(reply);
      ++held_;
      return std::nullopt;
    };
  }

  uint64_t revision_ = 1;
  std::map<std::string, std::pair<std::string, std::string>> versions_;
  TimePoint now_;
  std::optional<CertificateAuthority> authority_;
  const SystemClock clock_;
  SystemRandom random_;
  InProcessTransport transport_;
  Client client_{transport_, "test"};
  std::unique_ptr<InformerFactory> informers_;
  std::unique_ptr<EventRecorder> recorder_;
  std::unique_ptr<ThreadExecutor> executor_;
  std::string default_certificate_;
  Mutex mutex_;
  std::string written_ GUARDED_BY(mutex_);
  std::vector<http::LateReplyPtr> replies_ GUARDED_BY(mutex_);  // Held back.
};

}  // namespace skiff::ingress
