// How webhooks are called: whom a server trusts, what fails, and who waits for whom.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "apiserver/webhooks/caller.h"
#include "apiserver/webhooks/webhook_fixture.h"
#include "base/gzip.h"

namespace skiff {
namespace {

TEST_F(WebhookTest, AFailureRefusesUnlessItIsToBeIgnored) {
  const std::string nowhere = "https://127.0.0.1:1/x";
  Validating({Hook("v", {{"clientConfig", {{"url", nowhere}}}, {"timeoutSeconds", 4}})});
  const auto refused = MakeMap("a");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "Internal error occurred: failed calling webhook \"v.example.com\": failed to call "
            "webhook: Post \"https://127.0.0.1:1/x?timeout=4s\": dial tcp 127.0.0.1:1: connect: "
            "connection refused");
  ASSERT_EQ(Ask("PATCH", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v",
                R"([{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}])",
                "application/json-patch+json")
                .code,
            200);
  EXPECT_EQ(MakeMap("a").code, 201);
}

TEST_F(WebhookTest, PathsAreAskedForAsGoClientsWriteThem) {
  Validating({Hook("v", {{"clientConfig", {{"url", Url("//a/./b/../v/")}}}}),
              Hook("w", {{"clientConfig", {{"url", Url("/../w")}}}}),
              Hook("x", {{"clientConfig", {{"url", Url("")}}}})});
  ASSERT_EQ(MakeMap("a").code, 201);
  auto called = Called();
  std::sort(called.begin(), called.end());
  EXPECT_EQ(called, (std::vector<std::string>{"/", "/a/v", "/w"}));
}

TEST_F(WebhookTest, AStrangersCertificateIsNotTrusted) {
  const http::testing::TestAuthority other("other");
  Validating(
      {Hook("v", {{"clientConfig", {{"caBundle", EncodeBase64(other.certificate_pem())}}}})});
  const auto refused = MakeMap("a");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("tls: failed to verify certificate: x509: certificate signed by "
                                   "unknown authority"),
            std::string::npos)
      << refused.message();
}

TEST_F(WebhookTest, WhoseBundleIsNoneIsNotAsked) {
  Validating({Hook("v", {{"clientConfig", {{"caBundle", "Cg=="}}}})});
  EXPECT_EQ(MakeMap("a").message(),
            "Internal error occurred: failed calling webhook \"v.example.com\": could not get REST "
            "client: unable to load root certificates: unable to parse bytes as PEM block");
  EXPECT_TRUE(Called().empty());
}

TEST_F(WebhookTest, WhatOfABundleIsNoCertificateIsPassedOver) {
  const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
  const std::string bundle = broken + cut + authority_.certificate_pem();
  Validating({Hook("v", {{"clientConfig", {{"caBundle", EncodeBase64(bundle)}}}})});
  const auto made = MakeMap("a");
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Called(), std::vector<std::string>{"/v"});
}

TEST_F(WebhookTest, WhoHangsHarmsHisRequestAlone) {
  Validating({Hook(
      "v", {{"timeoutSeconds", 1}, {"objectSelector", {{"matchLabels", {{"hang", "yes"}}}}}})});
  At("/v", [this](const Json& review) {
    Hang();
    return Says(review, {{"allowed", true}});
  });
  auto hung = std::async(std::launch::async, [&] {
    return Post(kMaps, R"({"metadata": {"name": "h", "labels": {"hang": "yes"}}})");
  });
  AwaitHanging(1);
  EXPECT_EQ(MakeMap("free").code, 201);
  const Answer late = hung.get();
  EXPECT_EQ(late.code, 500);
  EXPECT_EQ(late.message(),
            "Internal error occurred: failed calling webhook \"v.example.com\": failed to call "
            "webhook: Post \"" +
                Url("/v?timeout=1s") + "\": context deadline exceeded");
}

TEST_F(WebhookTest, NobodyIsAskedForLongerThanTheClientWaits) {
  Validating({Hook("v", {{"timeoutSeconds", 30}})});
  At("/v", [this](const Json& review) {
    Hang();
    return Says(review, {{"allowed", true}});
  });
  const Answer late = MakeMap("h", "?timeout=200ms");
  EXPECT_EQ(late.code, 504);
  EXPECT_EQ(late.message(), "Timeout: request did not complete within the allotted timeout");
  EXPECT_EQ(Get(kMaps + std::string("/h")).code, 404);
}

TEST_F(WebhookTest, WhoMayNotTakesNobodysPlace) {
  Validating({Hook("v")});
  const auto answer = [&](const std::string& token) {
    http::Request request;
    request.method = "POST";
    request.target = request.path = kMaps;
    request.headers.emplace("Authorization", "Bearer " + token);
    request.headers.emplace("Content-Type", "application/json");
    request.body = R"({"metadata": {"name": "a"}})";
    return server_->Handle(request);
  };
  EXPECT_NE(answer("admin").pending, nullptr);
  for (const auto& [token, code] : std::map<std::string, int>{{"wrong", 401}, {"alice", 403}}) {
    const http::Response refused = answer(token);
    EXPECT_EQ(refused.pending, nullptr);
    EXPECT_EQ(refused.status, code);
  }
}

TEST_F(WebhookTest, AWebhookMayCallBack) {
  Validating({Hook("v", {{"objectSelector", {{"matchLabels", {{"back", "yes"}}}}}})});
  Mutating({Hook("m", {{"objectSelector", {{"matchLabels", {{"inner", "yes"}}}}}})});
  int inner = 0;
  At("/v", [&](const Json& review) {
    inner = Post(kMaps, R"({"metadata": {"name": "inner", "labels": {"inner": "yes"}}})").code;
    return Says(review, {{"allowed", true}});
  });
  EXPECT_EQ(Post(kMaps, R"({"metadata": {"name": "outer", "labels": {"back": "yes"}}})").code, 201);
  EXPECT_EQ(inner, 201);
  EXPECT_EQ(Called(), (std::vector<std::string>{"/v", "/m"}));
}

TEST_F(WebhookTest, CallsShareAConnection) {
  Mutating({Hook("m")});
  Validating({Hook("v")});
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(MakeMap(name).code, 201);
  EXPECT_EQ(Called().size(), 6u);
  EXPECT_EQ(hook_->stats().accepted, 1u);
}

TEST_F(WebhookTest, APackedAnswerIsAskedForAndRead) {
  Validating({Hook("v")});
  At("/v", [&](const Json& review) {
    auto answer = Says(review, {{"allowed", false}, {"status", {{"message", "packed"}}}});
    answer.body = Gzip(answer.body);
    answer.SetHeader("Content-Encoding", "GZIP");
    return answer;
  });
  EXPECT_EQ(MakeMap("a").message(),
            "admission webhook \"v.example.com\" denied the request: packed");
  EXPECT_EQ(LastHeader("Accept-Encoding"), "gzip");
}

TEST_F(WebhookTest, WhatClaimsToBePackedAndIsNotIsNoAnswer) {
  Validating({Hook("v")});
  At("/v", [](const Json& review) {
    auto answer = Says(review, {{"allowed", true}});
    answer.SetHeader("Content-Encoding", "gzip");
    return answer;
  });
  const auto refused = MakeMap("a");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("unexpected error when reading response body. Please retry. "
                                   "Original error: gzip: invalid header"),
            std::string::npos)
      << refused.message();
}

TEST_F(WebhookTest, ASmallQuestionMayHaveALongAnswer) {
  Validating({Hook("v")});
  size_t blanks = 4 << 20;
  At("/v", [&blanks](const Json& review) {
    auto answer = Says(review, {{"allowed", true}});
    answer.body.insert(1, blanks, ' ');
    return answer;
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(MakeMap("a" + std::to_string(i)).code, 201) << i;
  blanks = kLongWebhookAnswerBytesMax;
  const auto refused = MakeMap("b");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("the answer is longer than " +
                                   std::to_string(kLongWebhookAnswerBytesMax)),
            std::string::npos)
      << refused.message();
}

TEST_F(WebhookTest, APackedAnswerUnpacksToNoMoreThanAnyOther) {
  Validating({Hook("v")});
  At("/v", [](const Json& review) {
    auto answer = Says(review, {{"allowed", true}});
    answer.body = Gzip(std::string(2 * kWebhookAnswerBytesMax, ' ') + answer.body);
    answer.SetHeader("Content-Encoding", "gzip");
    return answer;
  });
  const auto refused = MakeMap("a");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("the answer is longer than"), std::string::npos)
      << refused.message();
}

}  // namespace
}  // namespace skiff
