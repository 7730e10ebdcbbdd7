#include "cli/manifest_url.h"

#include <gtest/gtest.h>

#include "cli/program.h"

namespace skiff::cli {
namespace {

// A web server, which answers by path; who asks it of what is kept.
class ManifestUrlTest : public testing::Test {
 protected:
  Result<std::string> Read(const std::string& url) {
    Environment environment{
        .out = [](std::string_view) {},
        .err = [](std::string_view) {},
        .read_input = [] { return std::string(); },
        .variable = [](const std::string&) { return std::string(); },
        .connect = [this](const HttpsOptions& options) -> Result<std::unique_ptr<Transport>> {
          EXPECT_EQ(options.token, "") << "our credentials are not for the web";
          const std::string server = options.server;
          return std::make_unique<InProcessTransport>(
              [this, server](const http::Request& request) {
                asked_.push_back(server + request.target);
                return answer_(request);
              });
        },
        .pause = [this](Duration pause) { waited_ += pause; },
        .clock = clock_};
    return ReadUrl(environment, url);
  }
  static http::Response Answer(int status, const std::string& body) {
    http::Response response;
    response.status = status;
    response.body = body;
    return response;
  }

  const SystemClock clock_;
  std::function<http::Response(const http::Request&)> answer_;
  std::vector<std::string> asked_;
  Duration waited_{0};
};

TEST_F(ManifestUrlTest, WhatAUrlHoldsIsReadAlsoWhereItHasMoved) {
  answer_ = [](const http::Request& request) {
    if (request.path == "/b c.yaml") return Answer(200, "kind: List\n");
    http::Response moved = Answer(302, "");
    moved.headers.emplace("Location", "/b%20c.yaml?v=1");
    return moved;
  };
  const auto text = Read("https://example.com:8443/a.yaml#top");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "kind: List\n");
  EXPECT_EQ(asked_, (std::vector<std::string>{"https://example.com:8443/a.yaml",
                                              "https://example.com:8443/b%20c.yaml?v=1"}));
}

TEST_F(ManifestUrlTest, WhatIsMissingIsToldAtOnceAndWhatFailsIsAskedThreeTimes) {
  answer_ = [](const http::Request&) { return Answer(404, ""); };
  EXPECT_EQ(Read("http://h/x").error().message,
            "unable to read URL \"http://h/x\", server reported 404 Not Found, status "
            "code=404");
  EXPECT_EQ(asked_.size(), 1U);
  asked_.clear();
  answer_ = [](const http::Request&) { return Answer(500, ""); };
  EXPECT_EQ(Read("http://h/x").error().message,
            "unable to read URL \"http://h/x\", server reported 500 Internal Server "
            "Error, status code=500");
  EXPECT_EQ(asked_.size(), 3U);
  EXPECT_EQ(waited_, 2s);
}

TEST_F(ManifestUrlTest, RedirectionsEnd) {
  answer_ = [](const http::Request&) {
    http::Response moved = Answer(301, "");
    moved.headers.emplace("Location", "again");
    return moved;
  };
  EXPECT_EQ(Read("http://h/x").error().message,
            "Get \"http://h/again\": stopped after 10 redirects");
}

}  // namespace
}  // namespace skiff::cli
