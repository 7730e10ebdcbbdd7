// An etcd that speaks TLS and asks its clients for certificates.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "apiserver/auth/pki.h"
#include "apiserver/storage/etcd_test_host.h"

namespace skiff {
namespace {

class EtcdTlsTest : public testing::Test {
 protected:
  EtcdTlsTest() : authority_(*CertificateAuthority::Create("etcd-ca", clock_.Now())) {
    std::string name = "/tmp/skiff-etcd-tls-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    const KeyPair server = *authority_.Issue(
        {.common_name = "etcd", .ip_addresses = {"127.0.0.1"}, .server = true, .client = true},
        clock_.Now());
    Write("ca.crt", authority_.pem().certificate_pem);
    Write("server.crt", server.certificate_pem);
    Write("server.key", server.key_pem);
    host_ = std::make_unique<EtcdHost>(EtcdHost::Options{
        .tls_flags = {"--cert-file=" + folder_ + "/server.crt",
                      "--key-file=" + folder_ + "/server.key",
                      "--trusted-ca-file=" + folder_ + "/ca.crt", "--client-cert-auth=true"}});
  }
  ~EtcdTlsTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  Result<std::unique_ptr<EtcdStore>> Open(const CertificateAuthority& signed_by,
                                          const CertificateAuthority& trusted, Duration timeout) {
    const KeyPair own = *signed_by.Issue(
        {.common_name = "kube-apiserver-etcd-client", .client = true}, clock_.Now());
    return EtcdStore::Open({.client = {.servers = {host_->Url()},
                                       .ca_pem = trusted.pem().certificate_pem,
                                       .certificate_pem = own.certificate_pem,
                                       .key_pem = own.key_pem},
                            .initialization_timeout = timeout},
                           clock_);
  }

  SystemClock clock_;
  const CertificateAuthority authority_;
  std::string folder_;
  std::unique_ptr<EtcdHost> host_;
};

TEST_F(EtcdTlsTest, BothSidesShowCertificates) {
  const auto store = Open(authority_, authority_, 20s);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->Apply({.key = "/registry/pods/x", .value = "1"}));
  EXPECT_EQ((*store)->Get("/registry/pods/x").value()->value, "1");
  const auto cursor = (*store)->Watch("/registry/", Revision{1}, nullptr);
  std::vector<EventPtr> events;
  ASSERT_TRUE((*cursor)->Next(10, events));
  EXPECT_EQ(events.size(), 1u);
}

TEST_F(EtcdTlsTest, AnEtcdOfAnotherAuthorityIsNotBelieved) {
  ASSERT_TRUE(Open(authority_, authority_, 20s)) << "it serves";
  const auto other = *CertificateAuthority::Create("other-ca", clock_.Now());
  EXPECT_FALSE(Open(authority_, other, 1s));
  EXPECT_FALSE(Open(other, authority_, 1s)) << "nor does it believe us";
}

}  // namespace
}  // namespace skiff
