#include "apiserver/server/identity_flag_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "http/x509_test_certs.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::string ErrorOf(const std::vector<std::string>& args) {
  const auto parsed = ParseApiServerFlags(args);
  return parsed ? "" : parsed.error().message;
}

struct Wrong {
  std::vector<std::string> args;
  std::string message;
};

TEST(IdentityFlagChecksTest, WhatCannotBeIsRefusedInKubernetesWords) {
  constexpr const char* kAge =
      "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds";
  const Wrong wrongs[] = {
      {{"--service-account-max-token-expiration=59m"}, kAge},
      {{"--service-account-max-token-expiration=-1h"}, kAge},
      {{"--service-account-max-token-expiration=1193047h"}, kAge},
      {{"--service-account-issuer="}, "service-account-issuer should not be an empty string"},
      {{"--service-account-issuer=https://a", "--service-account-issuer=https://a"},
       "service-account-issuer \"https://a\" is already specified"},
      {{"--service-account-issuer=:a"},
       "service-account-issuer \":a\" contained a ':' but was not a valid URL: parse \":a\": "
       "missing protocol scheme"},
      {{"--service-account-issuer=1a:b"},
       "service-account-issuer \"1a:b\" contained a ':' but was not a valid URL: parse \"1a:b\": "
       "first path segment in URL cannot contain colon"},
      {{"--service-account-jwks-uri=http://a/keys"},
       "service-account-jwks-uri requires https scheme, parsed as: http://a/keys"},
      {{"--service-account-jwks-uri=:a"},
       "service-account-jwks-uri must be a valid URL: parse \":a\": missing protocol scheme"},
      {{"--requestheader-uid-headers=X-Login-Uid"},
       "--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - "
       "API aggregation will not work"},
      {{"--authorization-mode=RBAC,Nonsense"},
       "authorization-mode \"Nonsense\" is not a valid mode"},
      {{"--authorization-mode=ABAC"},
       "authorization-mode ABAC's authorization policy file not passed"},
      {{"--authorization-mode=Webhook"},
       "authorization-mode Webhook's authorization config file not passed"},
      {{"--authorization-mode=RBAC", "--authorization-policy-file=a"},
       "cannot specify --authorization-policy-file without mode ABAC"},
      {{"--authorization-mode=RBAC", "--authorization-webhook-config-file=a"},
       "cannot specify --authorization-webhook-config-file without mode Webhook"},
      {{"--authorization-config=a", "--authorization-mode=RBAC"},
       "--authorization-config can not be specified when --authorization-mode or "
       "--authorization-webhook-* flags are defined"},
      {{"--authorization-config=a", "--authorization-webhook-version=v1"},
       "--authorization-config can not be specified when --authorization-mode or "
       "--authorization-webhook-* flags are defined"},
      {{"--authorization-mode=RBAC,RBAC"},
       "authorization-mode [\"RBAC\" \"RBAC\"] has mode specified more than once"}};
  for (const auto& [args, message] : wrongs) EXPECT_EQ(ErrorOf(args), message) << args[0];
  EXPECT_EQ(ErrorOf({"--service-account-issuer=https://a", "--service-account-issuer=b",
                     "--service-account-jwks-uri=https://a/keys",
                     "--service-account-max-token-expiration=1h",
                     "--requestheader-uid-headers=x-remote-uid,X-Login-Uid"}),
            "");
}

TEST(IdentityFlagChecksTest, NoModeOfAuthorizationIsTheUsualOne) {
  const auto parsed = ParseApiServerFlags({"--authorization-mode="});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT((*parsed)->authorization_modes, ElementsAre("AlwaysAllow"));
}

TEST(IdentityFlagChecksTest, WhatWillNotDoAllThatIsMeantIsSaid) {
  const auto parsed = ParseApiServerFlags({"--service-account-max-token-expiration=1h",
                                           "--requestheader-username-headers=X-Login",
                                           "--requestheader-group-headers=x-remote-group"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(
      (*parsed)->log.notes,
      ElementsAre(StartsWith("service-account-extend-token-expiration is true, in order to "
                             "correctly trigger safe transition logic"),
                  "service-account-extend-token-expiration is true, enabling tokens valid up to "
                  "31536000 seconds, which is longer than service-account-max-token-expiration set "
                  "to 1h0m0s",
                  "--requestheader-username-headers is set without specifying the standard "
                  "X-Remote-User header - API aggregation will not work"));
}

TEST(IdentityFlagChecksTest, AuthoritiesOfClientsAreNotThoseOfProxiesInFront) {
  const http::testing::TestAuthority clients;
  const http::testing::TestAuthority proxies;
  const auto file = [&](const std::string& name, const std::string& pem) {
    const std::string path = ::testing::TempDir() + "/identity-" + name;
    std::ofstream(path) << pem;
    return path;
  };
  const std::string of_clients = file("clients.crt", clients.certificate_pem());
  const std::string of_proxies = file("proxies.crt", proxies.certificate_pem());
  const std::string both = file("both.crt", proxies.certificate_pem() + clients.certificate_pem());
  const auto error = [&](const std::string& proxy_file, const std::string& names) {
    return ErrorOf({"--client-ca-file=" + of_clients,
                    "--requestheader-client-ca-file=" + proxy_file,
                    "--requestheader-allowed-names=" + names});
  };
  EXPECT_THAT(error(both, ""), StartsWith("--requestheader-client-ca-file and --client-ca-file "
                                          "contain overlapping certificates; "));
  EXPECT_EQ(error(both, "front-proxy"), "");
  EXPECT_EQ(error(of_proxies, ""), "");
}

}  // namespace
}  // namespace skiff
