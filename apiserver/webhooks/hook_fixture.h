// A server that can ask webhooks, and a place for one: a real server over TLS on loopback.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "apiserver/server/server_fixture.h"
#include "http/loop.h"
#include "http/server.h"
#include "http/x509_test_certs.h"

namespace skiff {

class HookFixture : public ServerFixture {
 protected:
  explicit HookFixture(std::optional<AuditOptions> audit = std::nullopt) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7",
                                  .audit = std::move(audit)},
                                 {*store_, clock_, random_, nullptr, {}, {}, &loops_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  // `handler` is the webhook, until StopHook; it lets go of whoever waits in it before that.
  void StartHook(http::Handler& handler) {
    const auto certificate = authority_.IssueServer();
    http::ServerTls tls;
    tls.certificate_pem = certificate.certificate_pem;
    tls.key_pem = certificate.key_pem;
    hook_ = *http::Server::Start({.tls = tls}, loops_, handler);
  }
  void StopHook() {
    hook_ = nullptr;
    server_->EndCalls();
  }

  http::Loops loops_{2};
  http::testing::TestAuthority authority_;
  std::unique_ptr<http::Server> hook_;
};

}  // namespace skiff
