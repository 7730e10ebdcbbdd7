// A program whose files of client authorities are replaced while it runs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "api/values.h"
#include "apiserver/server/program.h"
#include "base/clock.h"
#include "http/test_client.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

using http::testing::TestAuthority;
using http::testing::TestClient;

class ClientAuthoritiesTest : public testing::Test {
 protected:
  ClientAuthoritiesTest() {
    directory_ = testing::TempDir() + "/authorities." + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    Replace("users.crt", old_.certificate_pem());
    Replace("proxies.crt", proxies_.certificate_pem());
    auto flags = ParseApiServerFlags(
        {"--data-dir=" + directory_, "--bind-address=127.0.0.1", "--durability=memory",
         "--advertise-address=127.0.0.1", "--anonymous-auth=false", "--authorization-mode=RBAC",
         "--client-ca-file=" + directory_ + "/users.crt",
         "--requestheader-client-ca-file=" + directory_ + "/proxies.crt"});
    CHECK(flags.has_value());
    (*flags)->secure_port = 0;
    auto started = ApiServerProcess::Start(**flags);
    CHECK(started.has_value());
    server_ = *std::move(started);
  }
  ~ClientAuthoritiesTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Replace(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  TestClient With(TestAuthority& authority) const {
    const auto pair =
        authority.Issue({.common_name = "admin", .organizations = {"system:masters"}});
    return TestClient(server_->port(), http::ClientTls{.insecure = true,
                                                       .certificate_pem = pair.certificate_pem,
                                                       .key_pem = pair.key_pem});
  }
  static int Code(TestClient& client) { return client.Get("/api").status(); }
  // Nothing tells a client that its authority counts or counts no more: it asks until it does.
  static bool Eventually(const std::function<bool()>& holds) {
    const SystemClock clock;
    const Duration end = clock.Monotonic() + 30s;
    while (!holds()) {
      if (clock.Monotonic() > end) return false;
    }
    return true;
  }
  Json AuthenticationMap() {
    TestClient client = With(new_);
    return Json::parse(
        client.Get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")
            .body);
  }

  TestAuthority old_{"old"};
  TestAuthority new_{"new"};
  TestAuthority proxies_{"proxies"};
  std::string directory_;
  std::unique_ptr<ApiServerProcess> server_;
};

TEST_F(ClientAuthoritiesTest, OneThatIsTakenOutOfItsFileCountsNoMore) {
  TestClient open = With(old_);
  ASSERT_EQ(Code(open), 200);
  TestClient early = With(new_);
  ASSERT_EQ(Code(early), 401);
  Replace("users.crt", new_.certificate_pem());
  EXPECT_TRUE(Eventually([&] { return Code(open) == 401; })) << "on a connection that is open";
  EXPECT_TRUE(Eventually([&] {
    TestClient of_new = With(new_);
    return Code(of_new) == 200;
  }));
  EXPECT_TRUE(Eventually([&] { return Code(early) == 200; }))
      << "who was there before his authority";
  TestClient late = With(old_);
  EXPECT_EQ(Code(late), 401);
  // Servers behind this one learn of it, and go on believing who showed an older certificate.
  EXPECT_TRUE(Eventually([&] {
    const Json map = AuthenticationMap();
    return map["data"]["client-ca-file"] == old_.certificate_pem() + new_.certificate_pem() &&
           map["data"]["requestheader-client-ca-file"] == proxies_.certificate_pem();
  }));
}

TEST_F(ClientAuthoritiesTest, WhatHoldsNoneChangesNothing) {
  TestClient open = With(old_);
  ASSERT_EQ(Code(open), 200);
  Replace("users.crt", "no certificate");
  // Once this one is taken the other has been read.
  Replace("users.crt", old_.certificate_pem() + new_.certificate_pem());
  EXPECT_TRUE(Eventually([&] {
    TestClient of_new = With(new_);
    return Code(of_new) == 200;
  }));
  EXPECT_EQ(Code(open), 200);
  EXPECT_FALSE(server_->server().UseClientAuthorities("no certificate", ""));
  const std::string broken = new_.certificate_pem().substr(0, 100) + "\n";
  EXPECT_FALSE(server_->server().UseClientAuthorities(
      new_.certificate_pem() + broken + old_.certificate_pem(), proxies_.certificate_pem()));
  EXPECT_EQ(Code(open), 200);
}

}  // namespace
}  // namespace skiff
