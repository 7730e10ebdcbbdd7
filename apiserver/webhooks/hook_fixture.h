// A server that can ask webhooks, and a place for one: a real server over TLS on loopback.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/base64.h"
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
  // What the webhook says: `response` to that review.
  static http::Response Says(const Json& review, Json response) {
    response["uid"] = review["request"]["uid"];
    http::Response answer;
    answer.content_type = "application/json";
    answer.body =
        Json{{"apiVersion", review["apiVersion"]}, {"kind", "AdmissionReview"}, {"response", response}}
            .dump();
    return answer;
  }
  std::string Url(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(hook_->port()) + path;
  }
  // A webhook of a configuration, at the path of its name and for ConfigMaps, but for what `more`
  // says.
  Json Hook(const std::string& name, Json more = Json::object()) {
    Json hook = {{"name", name + ".example.com"},
                 {"sideEffects", "None"},
                 {"admissionReviewVersions", {"v1"}},
                 {"timeoutSeconds", 20},
                 {"clientConfig",
                  {{"url", Url("/" + name)},
                   {"caBundle", EncodeBase64(authority_.certificate_pem())}}},
                 {"rules",
                  {{{"operations", {"*"}},
                    {"apiGroups", {""}},
                    {"apiVersions", {"v1"}},
                    {"resources", {"configmaps"}}}}}};
    hook.merge_patch(more);
    return hook;
  }
  void Configure(const std::string& resource, const std::string& name,
                 const std::vector<Json>& hooks) {
    const auto made = Post("/apis/admissionregistration.k8s.io/v1/" + resource,
                           Json{{"metadata", {{"name", name}}}, {"webhooks", hooks}}.dump());
    ASSERT_EQ(made.code, 201) << made.message();
  }

  http::Loops loops_{2};
  http::testing::TestAuthority authority_;
  std::unique_ptr<http::Server> hook_;
};

}  // namespace skiff
