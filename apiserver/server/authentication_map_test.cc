#include "apiserver/server/authentication_map.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/certificates.h"

namespace skiff {
namespace {

constexpr TimePoint kLooked(1'700'000'000s);

CertificateAuthority AuthorityOf(const std::string& name, TimePoint now = kLooked) {
  auto made = CertificateAuthority::Create(name, now);
  CHECK(made.has_value());
  return *std::move(made);
}
std::string PemOf(const std::string& name, TimePoint now = kLooked) {
  return AuthorityOf(name, now).pem().certificate_pem;
}
Json MapOf(const std::string& client_ca_pem) {
  return {{"metadata", {{"name", kAuthenticationMap}}},
          {"data", {{"client-ca-file", client_ca_pem}, {"other", "stays"}}}};
}

TEST(AuthenticationMap, SaysNothingOfAFileButItsCertificates) {
  const CertificateAuthority ours = AuthorityOf("ours");
  const std::string file =
      "# admin: ann, 555-0100\n" + ours.pem().key_pem + ours.pem().certificate_pem;
  const FrontProxyOptions front{.client_ca_pem = file, .allowed_names = {"proxy"}};
  const Json data = AuthenticationData(file, front, kLooked);
  EXPECT_EQ(data["client-ca-file"], ours.pem().certificate_pem);
  EXPECT_EQ(data["requestheader-client-ca-file"], ours.pem().certificate_pem);
  EXPECT_EQ(data["requestheader-allowed-names"], R"(["proxy"])");
  EXPECT_EQ(AuthenticationData(file, {}, kLooked).size(), 1u);
}

TEST(AuthenticationMap, HasEachCertificateOnceWhateverFileItIsIn) {
  const std::string a = PemOf("a"), b = PemOf("b"), c = PemOf("c");
  Json map = MapOf(a + b);
  EXPECT_FALSE(MergeAuthentication(AuthenticationData(b + a, {}, kLooked), kLooked, map));
  EXPECT_TRUE(MergeAuthentication(AuthenticationData(b + c, {}, kLooked), kLooked, map));
  EXPECT_EQ(map["data"]["client-ca-file"], a + b + c);
  EXPECT_EQ(map["data"]["other"], "stays");
  EXPECT_FALSE(MergeAuthentication(AuthenticationData(b + c, {}, kLooked), kLooked, map));
}

TEST(AuthenticationMap, LosesWhatIsOverAndWhatIsNoCertificate) {
  const std::string over = PemOf("over", kLooked - 2 * kAuthorityLifetime), ours = PemOf("ours");
  const Json wanted = AuthenticationData(over + ours, {}, kLooked);
  EXPECT_EQ(wanted["client-ca-file"], ours);
  Json map = MapOf("# of another\n" + over + AuthorityOf("theirs").pem().key_pem);
  map["data"]["requestheader-client-ca-file"] = over;
  EXPECT_TRUE(MergeAuthentication(wanted, kLooked, map));
  EXPECT_EQ(map["data"]["client-ca-file"], ours);
  EXPECT_FALSE(map["data"].contains("requestheader-client-ca-file"));
  EXPECT_TRUE(MergeAuthentication(wanted, kLooked + 2 * kAuthorityLifetime, map));
  EXPECT_FALSE(map["data"].contains("client-ca-file")) << "it is over since";
}

TEST(AuthenticationMap, IsBegunAnewWhereItWouldBeTooBig) {
  const std::string ours = PemOf("ours");
  const Json wanted = AuthenticationData(ours, {}, kLooked);
  Json map = MapOf(PemOf("theirs"));
  map["data"]["other"] = std::string(1024 * 1024 - ours.size(), 'x');
  EXPECT_TRUE(MergeAuthentication(wanted, kLooked, map));
  EXPECT_EQ(map["data"], wanted);
  map["binaryData"]["more"] = std::string(1024 * 1024, 'A');
  EXPECT_TRUE(MergeAuthentication(wanted, kLooked, map));
  EXPECT_EQ(map["data"], wanted);
  EXPECT_FALSE(map.contains("binaryData"));
}

}  // namespace
}  // namespace skiff
