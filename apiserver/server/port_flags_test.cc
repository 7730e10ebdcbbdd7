#include "apiserver/server/port_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/server/program.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string RefusalOf(const std::string& flag) {
  const auto parsed = ParseApiServerFlags({flag});
  return parsed ? "" : parsed.error().message;
}

TEST(PortFlagsTest, WhatIsWrongIsSaidInKubeApiserversWords) {
  EXPECT_EQ(RefusalOf("--goaway-chance=0.5"),
            "--goaway-chance can not be less than 0 or greater than 0.02");
  EXPECT_EQ(RefusalOf("--goaway-chance=often"),
            "invalid argument \"often\" for \"--goaway-chance\" flag: strconv.ParseFloat: parsing "
            "\"often\": invalid syntax");
  EXPECT_THAT(RefusalOf("--goaway-chance=nan"), HasSubstr("can not be less than 0"));
  EXPECT_EQ(RefusalOf("--tls-min-version=1.2"), "unknown tls version \"1.2\"");
  EXPECT_EQ(RefusalOf("--tls-cipher-suites=NULL"), "Cipher suite NULL not supported or doesn't exist");
  EXPECT_EQ(RefusalOf("--tls-sni-cert-key=one.crt"),
            "invalid argument \"one.crt\" for \"--tls-sni-cert-key\" flag: expected comma separated "
            "certificate and key file paths");
  EXPECT_THAT(RefusalOf("--tls-sni-cert-key=one.crt,one.key:"),
              HasSubstr("empty names list is not allowed"));
  EXPECT_EQ(RefusalOf("--strict-transport-security-directives=max-age"),
            "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, "
            "includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for "
            "more information");
  EXPECT_THAT(RefusalOf("--cors-allowed-origins=example.com"),
              StartsWith("--cors-allowed-origins has an invalid regular expression: regular "
                         "expression does not pin to start/end of host in the origin header, help: "
                         "List of allowed origins for CORS"));
  EXPECT_THAT(RefusalOf("--cors-allowed-origins=^(a$"),
              HasSubstr("error parsing regexp: missing closing ): `^(a$`"));
}

TEST(PortFlagsTest, ACertificateHasItsNamesBehindAColon) {
  PortFlags flags;
  flags.tls_sni_cert_keys = {"a.crt, a.key", "b.crt,b.key: b.example ,*.b.example"};
  const auto files = NamedFilesOf(flags);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].key, "a.key");
  EXPECT_TRUE((*files)[0].names.empty());
  EXPECT_THAT((*files)[1].names, ElementsAre("b.example", "*.b.example"));
}

TEST(PortFlagsTest, NoFlagOfKubeApiserverIsUnknown) {
  // What would be a restriction is refused, with a reason; the rest is said to have no effect.
  for (const char* flag : {"--etcd-servers-overrides=/events#http://127.0.0.1:1",
                           "--egress-selector-config-file=/x", "--emulated-version=1.34",
                           "--service-account-signing-endpoint=/x", "--enable-garbage-collector=false"}) {
    EXPECT_THAT(RefusalOf(flag), HasSubstr("cannot be had here, and must not be ignored")) << flag;
  }
  const auto parsed = ParseApiServerFlags(
      {"--emulated-version=kube=1.35", "--tracing-config-file=/x", "--delete-collection-workers=3"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT((*parsed)->log.notes,
              ElementsAre("--tracing-config-file=/x has no effect: no traces are made",
                          "--delete-collection-workers=3 has no effect: the objects are deleted many "
                          "at once"));
}

class BrowserAccessTest : public ::testing::Test {
 protected:
  static http::Request From(const std::string& origin, const std::string& method = "GET") {
    http::Request request;
    request.method = method;
    request.path = "/api";
    if (!origin.empty()) request.headers.emplace("Origin", origin);
    return request;
  }
  static std::string AllowedFor(const BrowserAccess& access, const std::string& origin) {
    http::Response response;
    access.AddHeaders(From(origin), response);
    return std::string(response.Header("Access-Control-Allow-Origin"));
  }
};

TEST_F(BrowserAccessTest, PagesOfAllowedOriginsMayReadAnswers) {
  const BrowserAccess access({.allowed_origins = {"//example\\.com(:|$)", "^https://b\\.example$"}});
  for (const char* origin : {"https://example.com", "http://example.com:8080", "https://b.example"}) {
    EXPECT_EQ(AllowedFor(access, origin), origin);
  }
  for (const char* origin : {"", "https://example.com.evil", "http://b.example", "null"}) {
    EXPECT_EQ(AllowedFor(access, origin), "") << origin;
  }
  const auto preflight = access.Preflight(From("https://example.com", "OPTIONS"));
  ASSERT_TRUE(preflight);
  EXPECT_EQ(preflight->status, 204);
  EXPECT_FALSE(access.Preflight(From("https://example.org", "OPTIONS")));
  EXPECT_FALSE(access.Preflight(From("https://example.com", "GET")));
}

TEST_F(BrowserAccessTest, WithoutFlagsNothingIsAdded) {
  const BrowserAccess access({});
  http::Response response;
  access.AddHeaders(From("https://example.com"), response);
  EXPECT_TRUE(response.headers.empty());
  EXPECT_FALSE(access.Preflight(From("https://example.com", "OPTIONS")));
}

TEST_F(BrowserAccessTest, BrowsersAreToldToComeBackByTls) {
  http::Response response;
  BrowserAccess({.transport_security = {"max-age=31536000", "preload"}})
      .AddHeaders(From(""), response);
  EXPECT_EQ(response.Header("Strict-Transport-Security"), "max-age=31536000; preload");
}

class PortOptionsTest : public ServerFixture {
 protected:
  std::unique_ptr<ApiServer> ServerWith(ApiServerOptions options) {
    options.token_file_text = "admin,admin,1,\"system:masters\"\n";
    return *ApiServer::Create(std::move(options), {*store_, clock_, random_});
  }
  static http::Request Get(const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = path;
    request.headers.emplace("Authorization", "Bearer admin");
    return request;
  }
};

TEST_F(PortOptionsTest, APreflightNeedsNoCredentialsAndAllAnswersHaveTheHeaders) {
  const auto server = ServerWith(
      {.authorization_modes = {"RBAC"}, .browser_access = {.allowed_origins = {"//ui\\.example$"}}});
  http::Request request = Get("/api/v1/namespaces");
  request.headers.emplace("Origin", "https://ui.example");
  EXPECT_EQ(server->Handle(request).Header("Access-Control-Allow-Origin"), "https://ui.example");
  request.headers.erase("Authorization");
  const auto refused = server->Handle(request);
  EXPECT_GE(refused.status, 401);
  EXPECT_EQ(refused.Header("Access-Control-Allow-Origin"), "https://ui.example");
  request.method = "OPTIONS";
  EXPECT_EQ(server->Handle(request).status, 204);
}

TEST_F(PortOptionsTest, AServerTellsOthersOfItselfByItsName) {
  const auto server = ServerWith(
      {.authorization_modes = {"RBAC"}, .external_hostname = "api.example"});
  EXPECT_THAT(server->Handle(Get("/.well-known/openid-configuration")).body,
              HasSubstr("\"https://api.example:6443/openid/v1/jwks\""));
  const auto elsewhere = ServerWith({.authorization_modes = {"RBAC"},
                                     .service_account_jwks_uri = "https://keys.example/jwks"});
  EXPECT_THAT(elsewhere->Handle(Get("/.well-known/openid-configuration")).body,
              HasSubstr("\"https://keys.example/jwks\""));
}

TEST_F(PortOptionsTest, SomeRequestsEndTheirConnection) {
  const auto server = ServerWith({.authorization_modes = {"RBAC"}, .goaway_chance = 0.02});
  http::Request request = Get("/version");
  int ended = 0;
  constexpr int kAsked = 2000;
  for (int i = 0; i < kAsked; ++i) {
    request.http2 = true;
    ended += server->Handle(request).Header("Connection") == "close";
    request.http2 = false;
    EXPECT_EQ(server->Handle(request).Header("Connection"), "");
  }
  EXPECT_GT(ended, kAsked / 200);
  EXPECT_LT(ended, kAsked / 20);
}

}  // namespace
}  // namespace skiff
