#include "kubelet/probes/http_probe.h"

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "http/test_server.h"
#include "kubelet/cri_fake.h"

namespace skiff::kubelet {
namespace {

ProbeUrl Url(const std::string& host, int port, const std::string& target, bool is_https = false) {
  return {is_https, host, port, target};
}

TEST(ResolveLocationTest, WholeUrlsPathsAndQueriesAreUnderstood) {
  const ProbeUrl from = Url("10.0.0.1", 8080, "/a/b?c=d");
  EXPECT_EQ(ResolveLocation(from, "/x"), Url("10.0.0.1", 8080, "/x"));
  EXPECT_EQ(ResolveLocation(from, "x#part"), Url("10.0.0.1", 8080, "/a/x"));
  EXPECT_EQ(ResolveLocation(from, "?e=f"), Url("10.0.0.1", 8080, "/a/b?e=f"));
  EXPECT_EQ(ResolveLocation(from, "https://example.com"), Url("example.com", 443, "/", true));
  EXPECT_EQ(ResolveLocation(from, "//[fd00::1]:9/y"), Url("fd00::1", 9, "/y"));
  EXPECT_FALSE(ResolveLocation(from, "ftp://example.com/"));
  EXPECT_FALSE(ResolveLocation(from, "http://example.com:many/"));
}

TEST(TargetOfTest, WhatNoTargetHasIsEscaped) {
  EXPECT_EQ(TargetOf("/a/b?c=d"), "/a/b?c=d");
  EXPECT_EQ(TargetOf("a%20b"), "/a%20b");
  EXPECT_EQ(TargetOf(""), "/");
  EXPECT_EQ(TargetOf("?a"), "/?a");
  EXPECT_EQ(TargetOf("/a b?c d#e"), "/a%20b?c%20d");
  EXPECT_EQ(TargetOf("/100%"), "/100%25");
  EXPECT_EQ(TargetOf("/\xc3\xa4\""), "/%C3%A4%22");
  EXPECT_EQ(TargetOf("/a HTTP/1.1\r\n?b"), "/a%20HTTP/1.1%0D%0A%3Fb");
}

TEST(ResolveLocationTest, WhatNoTargetHasIsEscaped) {
  const ProbeUrl from = Url("10.0.0.1", 8080, "/a/b?c=d");
  for (const char* location : {"/a/x y", "x y", "//10.0.0.1:8080/a/x y"}) {
    EXPECT_EQ(ResolveLocation(from, location), Url("10.0.0.1", 8080, "/a/x%20y")) << location;
  }
  EXPECT_EQ(ResolveLocation(from, "?x y"), Url("10.0.0.1", 8080, "/a/b?x%20y"));
}

class HttpProbeTest : public testing::Test {
 protected:
  HttpProbeTest() : fixture_([this](const http::Request& request) { return Answer(request); }) {}
  http::Response Answer(const http::Request& request) {
    {
      MutexLock lock(mutex_);
      asked_.push_back(request.method + " " + request.target);
    }
    http::Response response = http::testing::Text("body");
    const auto redirect = [&](const std::string& to) {
      response.status = 302;
      response.headers.emplace("Location", to);
    };
    if (request.path == "/ill") response.status = 503;
    if (request.path == "/here") redirect("/well");
    if (request.path == "/away") redirect("http://192.0.2.7/well");
    if (request.path == "/circle") redirect("/circle");
    return response;
  }
  ProbeOutcome Probe(const std::string& path) {
    core_v1::Probe probe;
    probe.timeout_seconds = 5;
    auto& get = probe.http_get.emplace();
    get.path = path;
    get.port = IntOrString(fixture_.port());
    core_v1::Container container;
    const ProbeSubject subject{"id", "127.0.0.1", container};
    const auto attempt = StartHttpProbe(probe, subject, loops_, [this](ProbeOutcome outcome) {
      MutexLock lock(mutex_);
      outcome_ = std::move(outcome);
      changed_.notify_all();
    });
    MutexLock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, 10s, [this]() REQUIRES(mutex_) { return outcome_.has_value(); }));
    const ProbeOutcome outcome = outcome_.value_or(ProbeOutcome{});
    outcome_.reset();
    return outcome;
  }

  std::vector<std::string> Asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

  Mutex mutex_;
  CondVar changed_;
  std::optional<ProbeOutcome> outcome_ GUARDED_BY(mutex_);
  std::vector<std::string> asked_ GUARDED_BY(mutex_);
  http::testing::Fixture fixture_;
  http::Loops loops_;
};

TEST_F(HttpProbeTest, StatusesBelowFourHundredAreASuccess) {
  EXPECT_TRUE(Probe("/well").success);
  EXPECT_EQ(Probe("/well").warning, "");
  EXPECT_FALSE(Probe("/ill").success);
  EXPECT_EQ(Probe("/ill").text, "HTTP probe failed with statuscode: 503");
}

TEST_F(HttpProbeTest, RedirectsOnTheHostAreFollowed) {
  EXPECT_TRUE(Probe("/here").success);
  EXPECT_EQ(Probe("/here").warning, "");
  const ProbeOutcome endless = Probe("/circle");
  EXPECT_FALSE(endless.success);
  EXPECT_TRUE(endless.text.ends_with(": stopped after 10 redirects")) << endless.text;
}

TEST_F(HttpProbeTest, ARedirectElsewhereIsASuccessWithAWarning) {
  const ProbeOutcome outcome = Probe("/away");
  EXPECT_TRUE(outcome.success);
  EXPECT_TRUE(outcome.warning.starts_with("Probe terminated redirects, Response body: "))
      << outcome.warning;
}

// Else whoever may make pods has the node send whatever he wants to whom he wants.
TEST_F(HttpProbeTest, APathIsNoSecondRequest) {
  EXPECT_TRUE(Probe("/well HTTP/1.1\r\nHost: a\r\n\r\nPOST /ill").success);
  EXPECT_EQ(Asked(), std::vector<std::string>{
                         "GET /well%20HTTP/1.1%0D%0AHost:%20a%0D%0A%0D%0APOST%20/ill"});
}

}  // namespace
}  // namespace skiff::kubelet
