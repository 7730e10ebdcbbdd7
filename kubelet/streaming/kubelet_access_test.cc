#include "kubelet/streaming/kubelet_access.h"

#include <gtest/gtest.h>

#include <functional>

#include "api/codec/json.h"
#include "base/certificates.h"
#include "client/transport.h"

namespace skiff::kubelet {
namespace {

// An API server that knows one token and lets its owner read metrics.
class KubeletAccessTest : public testing::Test {
 protected:
  http::Response Review(const http::Request& request) {
    ++reviews_;
    if (meanwhile_) meanwhile_();
    Json review = Json::parse(request.Body());
    if (request.path.find("tokenreviews") != std::string::npos) {
      const bool is_known = review["spec"].value("token", "") == "good";
      review["status"] = {{"authenticated", is_known}};
      if (is_known) {
        review["status"]["user"] = {{"username", "system:serviceaccount:monitoring:prometheus"},
                                    {"groups", {"system:authenticated"}}};
      }
    } else {
      last_ = review["spec"];
      const auto& attributes = review["spec"]["resourceAttributes"];
      review["status"] = {{"allowed", attributes["subresource"] == "metrics" && may_read_}};
    }
    http::Response response;
    response.status = is_down_ ? 503 : 201;
    response.content_type = "application/json";
    response.body = review.dump();
    return response;
  }
  int Ask(const std::string& path, const std::string& token) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    if (!token.empty()) request.headers.emplace("Authorization", "Bearer " + token);
    const auto refused = access_.Refuse(request);
    text_ = refused ? refused->body : "";
    return refused ? refused->status : 200;
  }
  int AskAs(const std::string& name, std::vector<std::string> groups, std::string pem = "PEM") {
    http::Request request;
    request.method = "GET";
    request.path = "/pods";
    request.peer_certificate = std::make_shared<http::PeerCertificate>(
        http::PeerCertificate{name, std::move(groups), pem + " of " + name});
    const auto refused = access_.Refuse(request);
    return refused ? refused->status : 200;
  }

  std::function<void()> meanwhile_;  // While a review is under way.
  int reviews_ = 0;
  bool may_read_ = true, is_down_ = false;
  Json last_;
  std::string text_;
  FakeClock clock_;
  InProcessTransport transport_{[this](const http::Request& request) { return Review(request); }};
  Client client_{transport_, "test"};
  KubeletAccess access_{"n1", &client_, clock_};
};

TEST_F(KubeletAccessTest, WhoeverIsNobodyIsTurnedAway) {
  EXPECT_EQ(Ask("/metrics", ""), 401);
  EXPECT_EQ(reviews_, 0);
  EXPECT_EQ(Ask("/metrics", "bad"), 401);
  EXPECT_EQ(text_, "Unauthorized");
}

TEST_F(KubeletAccessTest, EachMayWhatTheApiServerSays) {
  EXPECT_EQ(Ask("/metrics/cadvisor", "good"), 200);
  EXPECT_EQ(last_["user"], "system:serviceaccount:monitoring:prometheus");
  EXPECT_EQ(last_["resourceAttributes"]["verb"], "get");
  EXPECT_EQ(last_["resourceAttributes"]["resource"], "nodes");
  EXPECT_EQ(last_["resourceAttributes"]["name"], "n1");
  EXPECT_EQ(Ask("/pods", "good"), 403);
  EXPECT_EQ(text_,
            "Forbidden (user=system:serviceaccount:monitoring:prometheus, verb=get, "
            "resource=nodes, subresource(s)=[pods proxy])\n");
}

TEST_F(KubeletAccessTest, WhatLeadsIntoAPodTakesMoreThanReading) {
  const auto verb = [&](const std::string& path) {
    clock_.Advance(31s);  // What was decided before is not remembered.
    EXPECT_EQ(Ask(path, "good"), 403);
    EXPECT_EQ(last_["resourceAttributes"]["subresource"], "proxy");
    return last_["resourceAttributes"]["verb"];
  };
  for (const char* path : {"/exec/ns/pod/c", "/exec//ns/pod/c", "/attach/ns/pod/c",
                           "/portForward/ns/pod", "/run/ns/pod/c"}) {
    EXPECT_EQ(verb(path), "create") << path;
  }
  for (const char* path : {"/containerLogs/ns/pod/c", "/runningpods/", "/executed"}) {
    EXPECT_EQ(verb(path), "get") << path;
  }
}

TEST_F(KubeletAccessTest, AnswersAreKeptForAWhile) {
  EXPECT_EQ(Ask("/metrics", "good"), 200);
  may_read_ = false;
  const int asked = reviews_;
  EXPECT_EQ(Ask("/metrics", "good"), 200);
  EXPECT_EQ(reviews_, asked);
  clock_.Advance(std::chrono::minutes(6));
  EXPECT_EQ(Ask("/metrics", "good"), 403);
  may_read_ = true;
  clock_.Advance(31s);
  EXPECT_EQ(Ask("/metrics", "good"), 200);
}

TEST_F(KubeletAccessTest, HoweverManyTokensAreMadeUpThoseThatAreKnownStaySo) {
  EXPECT_EQ(Ask("/metrics", "good"), 200);
  for (int i = 0; i < 1100; ++i) EXPECT_EQ(Ask("/metrics", "made up " + std::to_string(i)), 401);
  const int asked = reviews_;
  EXPECT_EQ(Ask("/metrics", "good"), 200);
  EXPECT_EQ(reviews_, asked);
}

TEST_F(KubeletAccessTest, WhoCannotBeAskedAboutNowComesAgain) {
  int depth = 0;
  int last = 0;
  meanwhile_ = [&] {
    const int code = Ask("/metrics", "made up " + std::to_string(++depth));
    if (last == 0) last = code;  // The innermost.
  };
  EXPECT_EQ(Ask("/metrics", "made up"), 401);
  EXPECT_EQ(last, 429);
  EXPECT_EQ(depth, 12);
  meanwhile_ = nullptr;
  EXPECT_EQ(Ask("/metrics", "good"), 200);
}

TEST_F(KubeletAccessTest, ACertificateWithoutCommonNameIsNobodys) {
  EXPECT_EQ(AskAs("", {"system:masters"}), 401);
  EXPECT_EQ(AskAs("", {"users"}), 401);
  EXPECT_EQ(reviews_, 0);
}

TEST_F(KubeletAccessTest, TheApiServerItselfIsNotAskedAbout) {
  is_down_ = true;
  EXPECT_EQ(AskAs("kube-apiserver-kubelet-client", {}), 200);
  EXPECT_EQ(AskAs("admin", {"system:masters"}), 200);
  EXPECT_EQ(reviews_, 0);
  EXPECT_EQ(AskAs("somebody", {"users"}), 500);
  EXPECT_EQ(Ask("/metrics", "good"), 401);
}

TEST_F(KubeletAccessTest, AnAuthorityThatIsReplacedCountsNoMoreOnConnectionsThatAreOpen) {
  const auto old = *CertificateAuthority::Create("old", clock_.Now());
  const auto next = *CertificateAuthority::Create("next", clock_.Now());
  CertificateOrder order{.common_name = "admin", .organizations = {"system:masters"}};
  order.client = true;
  const std::string admin = old.Issue(order, clock_.Now())->certificate_pem;
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 200);
  access_.UseAuthorities(next.pem().certificate_pem + old.pem().certificate_pem);
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 200);
  access_.UseAuthorities(next.pem().certificate_pem);
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 401);
  EXPECT_EQ(Ask("/metrics", "good"), 200) << "a token is no certificate";
}

TEST_F(KubeletAccessTest, ACertificateThatIsOverCountsNoMoreOnConnectionsThatAreOpen) {
  const auto authority = *CertificateAuthority::Create("authority", clock_.Now());
  CertificateOrder order{.common_name = "admin", .organizations = {"system:masters"}};
  order.client = true;
  order.lifetime = 1h;
  const std::string admin = authority.Issue(order, clock_.Now())->certificate_pem;
  access_.UseAuthorities(authority.pem().certificate_pem);
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 200);
  clock_.Advance(2h);
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 401);
  clock_.JumpWall(-110min);
  EXPECT_EQ(AskAs("admin", order.organizations, admin), 200) << "the clock was wrong for a while";
}

}  // namespace
}  // namespace skiff::kubelet
