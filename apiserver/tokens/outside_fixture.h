// A server that takes tokens of issuers and asks a webhook, and a place for both: a real one
// over TLS on loopback. Its own loops run when the test says so, and its clock stands still.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "apiserver/auth/jwt.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/tokens/outside_tokens.h"
#include "base/certificates.h"
#include "http/loop.h"
#include "http/server.h"
#include "http/x509_test_certs.h"

namespace skiff {

class OutsideFixture : public ServerFixture, public http::Handler {
 protected:
  using Page = std::function<http::Response(const http::Request&)>;

  OutsideFixture() { Listen(0); }
  ~OutsideFixture() override {
    place_ = nullptr;
    server_->EndCalls();
  }

  void Listen(int port) {
    const auto certificate = authority_.IssueServer();
    http::ServerTls tls;
    tls.certificate_pem = certificate.certificate_pem;
    tls.key_pem = certificate.key_pem;
    place_ = *http::Server::Start({.bind_address = "127.0.0.1", .port = port, .tls = tls},
                                  place_loops_, *this);
    port_ = place_->port();
  }
  void StopListening() { place_ = nullptr; }

  http::Response Handle(const http::Request& request) override {
    Page page;
    {
      const std::lock_guard lock(mutex_);
      ++asked_[request.path];
      const auto found = pages_.find(request.path);
      if (found != pages_.end()) page = found->second;
    }
    asking_.notify_all();
    if (page) return page(request);
    http::Response missing;
    missing.status = 404;
    return missing;
  }
  void Show(const std::string& path, Page page) {
    const std::lock_guard lock(mutex_);
    pages_[path] = std::move(page);
  }
  void ShowText(const std::string& path, std::string text) {
    Show(path, [text = std::move(text)](const http::Request&) {
      http::Response response;
      response.content_type = "application/json";
      response.body = text;
      return response;
    });
  }
  int Asked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }
  std::string Url(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(port_) + path;
  }

  static TokenKey NewKey() {
    return TokenKey::FromPem(NewSigningKey(KeyKind::kP256)->private_pem)->front();
  }
  void ShowIssuer(const std::string& name, const std::vector<TokenKey>& keys) {
    Json set = Json::array();
    for (const TokenKey& key : keys) set.push_back(key.Jwk());
    ShowText("/" + name + "/keys", Json{{"keys", set}}.dump());
    ShowText("/" + name + "/.well-known/openid-configuration",
             Json{{"issuer", Url("/" + name)}, {"jwks_uri", Url("/" + name + "/keys")}}.dump());
  }
  std::string TokenOf(const std::string& issuer, const TokenKey& key,
                      const std::string& name = "me") {
    const int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.Now().time_since_epoch()).count();
    return *SignToken(
        key, {{"iss", Url("/" + issuer)}, {"aud", "us"}, {"sub", name}, {"exp", now + 3600}});
  }
  // A file that names these issuers.
  std::string FileOf(const std::vector<std::string>& issuers, const std::string& authority = "") {
    Json jwt = Json::array();
    for (const std::string& name : issuers) {
      jwt.push_back(
          {{"issuer",
            {{"url", Url("/" + name)},
             {"audiences", {"us"}},
             {"certificateAuthority",
              authority.empty() ? authority_.certificate_pem() : authority}}},
           {"claimMappings", {{"username", {{"claim", "sub"}, {"prefix", name + ":"}}}}}});
    }
    return Json{{"apiVersion", "apiserver.config.k8s.io/v1"},
                {"kind", "AuthenticationConfiguration"},
                {"jwt", jwt}}
        .dump();
  }
  void StartServer(OutsideTokenOptions options) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create(
        {.authorization_modes = {"Node", "RBAC"},
         .outside_tokens = std::make_shared<const OutsideTokenOptions>(std::move(options)),
         .token_file_text = kTokens,
         .advertise_address = "192.0.2.7"},
        {*store_, clock_, random_, nullptr, {}, {}, &loops_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  void StartServerWith(const std::string& file) {
    OutsideTokenOptions options;
    options.configuration = *ReadAuthenticationConfiguration(file);
    ASSERT_TRUE(PrepareAuthentication(options.configuration).empty());
    options.file_text = file;
    options.algorithms = SigningAlgorithms();
    StartServer(std::move(options));
  }

  // Has the server's loops work until that is so; false after so many looks, 5 ms apart or less.
  bool Until(const std::function<bool()>& so, int looks = 2000) {
    for (int i = 0; i < looks; ++i) {
      if (so()) return true;
      Settle();
      std::unique_lock lock(mutex_);
      asking_.wait_for(lock, std::chrono::milliseconds(5));
    }
    return false;
  }
  Answer Review(const std::string& token) {
    return Ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}",
               "application/json", token);
  }
  static std::string NameIn(const Answer& answer) {
    if (answer.code != 201) return std::to_string(answer.code);
    return answer.body["status"]["userInfo"]["username"];
  }
  // Who has a token; the code where that is nobody. Meanwhile the server's loops work.
  std::string Who(const std::string& token) {
    auto answer = std::async(std::launch::async, [&] { return Review(token); });
    Until([&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    return NameIn(answer.get());
  }

  http::Loops loops_{2}, place_loops_{1};
  http::testing::TestAuthority authority_;
  std::unique_ptr<http::Server> place_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable asking_;
  std::map<std::string, Page> pages_;
  std::map<std::string, int> asked_;
};

}  // namespace skiff
