// What is signed of what was approved.
#include <gmock/gmock.h>
#include <unistd.h>

#include "base/certificates.h"
#include "base/hash.h"
#include "base/whole_file.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kSignedRequest[] = "/apis/certificates.k8s.io/v1/certificatesigningrequests/client";
constexpr char kSignedStatus[] =
    "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/client/status";

class CertificateSigningTest : public ListingServerTest {
 protected:
  // By an authority that is that old, of a request about which these types of conditions are said.
  void Sign(Duration age, const std::vector<std::string>& said) {
    const auto request =
        MakeCertificateRequest(NewSigningKey(KeyKind::kP256)->private_pem,
                               {.common_name = "system:node:n", .organizations = {"system:nodes"}});
    Json conditions = Json::array();
    for (const std::string& type : said) {
      conditions.push_back({{"type", type}, {"status", "True"}});
    }
    Put("/apis/certificates.k8s.io/v1/certificatesigningrequests", kSignedRequest,
        {{"spec",
          {{"signerName", certificates::kKubeletClientSigner},
           {"username", "system:node:n"},
           {"request", Base64(*request)},
           {"usages", {"digital signature", "client auth"}}}},
         {"status", {{"conditions", conditions}}}});
    ControllerOptions options;
    options.signing_authorities.emplace(
        certificates::kKubeletClientSigner,
        *CertificateAuthority::Create("authority", clock_.Now() - age));
    if (!files_.certificate.empty()) {
      options.signing_files.emplace(certificates::kKubeletClientSigner, files_);
    }
    AddCertificateSigning(manager_, options);
    Run(1s);
  }
  // What stands in the files of the signer by now.
  void Replace(const std::string& certificate, const std::string& key) {
    const std::string path = testing::TempDir() + "/signer-" + std::to_string(getpid());
    files_ = {path + ".crt", path + ".key"};
    ASSERT_TRUE(WriteWholeFile(files_.certificate, certificate, 0600));
    ASSERT_TRUE(WriteWholeFile(files_.key, key, 0600));
  }

 private:
  SigningFiles files_;
};

TEST_F(CertificateSigningTest, WhatWasApprovedIsSigned) {
  Sign(24h, {"Approved"});
  EXPECT_THAT(written(), Contains(kSignedStatus));
}

TEST_F(CertificateSigningTest, WhatWasDeniedAsWellIsNot) {
  Sign(24h, {"Approved", "Denied"});
  EXPECT_THAT(written(), Not(Contains(kSignedStatus)));
}

TEST_F(CertificateSigningTest, AnAuthorityThatIsOverSignsNothing) {
  Sign(kAuthorityLifetime + 24h, {"Approved"});
  EXPECT_THAT(written(), Not(Contains(kSignedStatus)));
}

TEST_F(CertificateSigningTest, AnAuthorityThatWasRenewedInItsFilesSigns) {
  const auto renewed = *CertificateAuthority::Create("authority", clock_.Now());
  Replace(renewed.pem().certificate_pem, renewed.pem().key_pem);
  Sign(kAuthorityLifetime + 24h, {"Approved"});
  EXPECT_THAT(written(), Contains(kSignedStatus));
}

TEST_F(CertificateSigningTest, FilesOfWhichOneIsReplacedLeaveTheAuthorityOfBefore) {
  const auto renewed = *CertificateAuthority::Create("authority", clock_.Now());
  const auto other = *CertificateAuthority::Create("authority", clock_.Now());
  Replace(renewed.pem().certificate_pem, other.pem().key_pem);
  Sign(24h, {"Approved"});
  EXPECT_THAT(written(), Contains(kSignedStatus));
}

}  // namespace
}  // namespace skiff
