// A program whose certificate for kubelets is replaced while it runs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apiserver/server/program.h"
#include "base/clock.h"
#include "http/test_client.h"
#include "http/test_server.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

using http::testing::Fixture;
using http::testing::TestAuthority;
using http::testing::TestClient;

class KubeletCertificateTest : public testing::Test {
 protected:
  KubeletCertificateTest() {
    directory_ = testing::TempDir() + "/kubelet-certificate." + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    Replace("users.crt", authority_.certificate_pem());
    ShowAs("before");
    auto flags = ParseApiServerFlags({"--data-dir=" + directory_, "--bind-address=127.0.0.1",
                                      "--durability=memory", "--advertise-address=127.0.0.1",
                                      "--authorization-mode=RBAC",
                                      "--client-ca-file=" + directory_ + "/users.crt",
                                      "--kubelet-client-certificate=" + directory_ + "/kubelet.crt",
                                      "--kubelet-client-key=" + directory_ + "/kubelet.key"});
    CHECK(flags.has_value());
    (*flags)->secure_port = 0;
    auto started = ApiServerProcess::Start(**flags);
    CHECK(started.has_value());
    server_ = *std::move(started);
  }
  ~KubeletCertificateTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Replace(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  void ShowAs(const std::string& name) {
    const auto pair = authority_.Issue({.common_name = name});
    Replace("kubelet.key", pair.key_pem);
    Replace("kubelet.crt", pair.certificate_pem);
  }
  TestClient Admin() {
    const auto pair =
        authority_.Issue({.common_name = "admin", .organizations = {"system:masters"}});
    return TestClient(server_->port(), http::ClientTls{.insecure = true,
                                                       .certificate_pem = pair.certificate_pem,
                                                       .key_pem = pair.key_pem});
  }

  TestAuthority authority_;
  std::string directory_;
  std::unique_ptr<ApiServerProcess> server_;
};

TEST_F(KubeletCertificateTest, TheNewOneIsShownToKubeletsFromThenOn) {
  const auto leaf = authority_.IssueServer();
  Fixture kubelet(
      [](const http::Request& request) {
        return http::testing::Text(request.peer_certificate ? request.peer_certificate->common_name
                                                            : "nobody");
      },
      {.tls = http::ServerTls{.certificate_pem = leaf.certificate_pem,
                              .key_pem = leaf.key_pem,
                              .client_ca_pem = authority_.certificate_pem()}});
  TestClient admin = Admin();
  const std::string node =
      R"({"metadata":{"name":"n"},"status":{"addresses":[{"type":"InternalIP","address":"127.0.0.1"}],)"
      R"("daemonEndpoints":{"kubeletEndpoint":{"Port":)" +
      std::to_string(kubelet.port()) + "}}}}";
  const auto post = [&](const std::string& path, const std::string& object) {
    return admin
        .Ask("POST " + path +
             " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: " +
             std::to_string(object.size()) + "\r\n\r\n" + object)
        .status();
  };
  ASSERT_EQ(post("/api/v1/nodes", node), 201);
  ASSERT_EQ(post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})"),
            201);
  ASSERT_EQ(post("/api/v1/namespaces/default/pods",
                 R"({"metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[)"
                 R"({"name":"c","image":"i"}]}})"),
            201);
  const auto shown = [&] { return admin.Get("/api/v1/namespaces/default/pods/p/log").body; };
  EXPECT_EQ(shown(), "before");
  Replace("kubelet.crt", "no certificate");
  ShowAs("after");
  // Nothing tells when the files have been read.
  const SystemClock clock;
  const Duration end = clock.Monotonic() + 30s;
  while (shown() != "after" && clock.Monotonic() < end) {
  }
  EXPECT_EQ(shown(), "after");
}

}  // namespace
}  // namespace skiff
