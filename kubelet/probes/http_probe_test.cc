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

class HttpProbeTest : public testing::Test {
 protected:
  HttpProbeTest() : fixture_([this](const http::Request& request) { return Answer(request); }) {}
  http::Response Answer(const http::Request& request) {
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

  http::testing::Fixture fixture_;
  http::Loops loops_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<ProbeOutcome> outcome_ GUARDED_BY(mutex_);
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

}  // namespace
}  // namespace skiff::kubelet
