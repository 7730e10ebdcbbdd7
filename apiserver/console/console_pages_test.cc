#include "apiserver/console/console_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"
#include "base/gzip.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConsoleTest : public ServerFixture {
 protected:
  // As somebody of whom nothing is known.
  http::Response Stranger(const std::string& path, http::Headers headers = {},
                          const std::string& method = "GET") {
    return Ask({.method = method, .path = path, .token = "", .headers = std::move(headers)})
        .response;
  }
  static std::string BodyOf(const http::Response& response) {
    std::string body = response.body;
    for (const http::SharedBytes& piece : response.pieces) body += *piece;
    return body;
  }
};

TEST_F(ConsoleTest, AStrangerGetsThePage) {
  const auto page = Stranger("/console/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page.Header("Content-Encoding"), "");
  EXPECT_THAT(BodyOf(page), HasSubstr("<title>skiff</title>"));
  EXPECT_EQ(BodyOf(Stranger("/console/index.html")), BodyOf(page));
}

TEST_F(ConsoleTest, EveryFileIsServedPlainAndPackedUnderTagsOfTheirOwn) {
  ASSERT_GE(ConsoleFiles().size(), 3u);
  for (const ConsoleFile& file : ConsoleFiles()) {
    const std::string path = "/console/" + std::string(file.path);
    const auto plain = Stranger(path);
    const auto packed = Stranger(path, {{"Accept-Encoding", "br, gzip"}});
    EXPECT_EQ(plain.status, 200) << path;
    EXPECT_EQ(plain.content_type, file.type) << path;
    EXPECT_EQ(packed.Header("Vary"), "Accept-Encoding") << path;
    if (file.packed.empty()) {
      EXPECT_EQ(packed.Header("Content-Encoding"), "") << path;
      EXPECT_EQ(BodyOf(packed), BodyOf(plain)) << path;
      continue;
    }
    EXPECT_LT(BodyOf(packed).size(), BodyOf(plain).size()) << path;
    EXPECT_EQ(packed.Header("Content-Encoding"), "gzip") << path;
    EXPECT_EQ(Gunzip(BodyOf(packed)), BodyOf(plain)) << path;
    EXPECT_NE(packed.Header("ETag"), plain.Header("ETag")) << path;
    EXPECT_EQ(packed.headers.count("Content-Encoding"), 1u) << path;
  }
}

TEST_F(ConsoleTest, WhoHasItAlreadyIsToldSo) {
  const std::string tag(Stranger("/console/").Header("ETag"));
  EXPECT_THAT(tag, testing::MatchesRegex("\"[0-9a-f]{32}\""));
  for (const std::string& known : {tag, "W/" + tag, "\"other\" , " + tag, std::string("*")}) {
    const auto answer = Stranger("/console/", {{"If-None-Match", known}});
    EXPECT_EQ(answer.status, 304) << known;
    EXPECT_EQ(BodyOf(answer), "") << known;
    EXPECT_EQ(answer.Header("ETag"), tag) << known;
  }
  EXPECT_EQ(Stranger("/console/", {{"If-None-Match", "\"other\""}}).status, 200);
  // It has the plain one, and now asks for the other.
  EXPECT_EQ(Stranger("/console/", {{"If-None-Match", tag}, {"Accept-Encoding", "gzip"}}).status,
            200);
}

// The page names its parts by their digests: a browser asks for each of them once, and for the page
// each time.
TEST_F(ConsoleTest, WhatHasItsDigestInItsNameIsKept) {
  const std::string page = BodyOf(Stranger("/console/"));
  size_t parts = 0;
  for (const ConsoleFile& file : ConsoleFiles()) {
    const auto answer = Stranger("/console/" + std::string(file.path));
    const bool is_part = file.path.starts_with("assets/");
    EXPECT_EQ(answer.Header("Cache-Control"),
              is_part ? "public, max-age=31536000, immutable" : "no-cache")
        << file.path;
    if (!is_part) continue;
    ++parts;
    EXPECT_THAT(std::string(file.path),
                testing::MatchesRegex("assets/.+-[A-Za-z0-9_-]{8}\\.(js|css|woff2)"));
  }
  EXPECT_GE(parts, 5u);
  EXPECT_THAT(page, testing::ContainsRegex("src=\"\\./assets/console-[A-Za-z0-9_-]{8}\\.js\""));
  EXPECT_EQ(Stranger("/console/").Header("Cache-Control"), "no-cache");
  // Where its script does not come, nobody else could say so.
  EXPECT_THAT(page, HasSubstr("The console has not begun"));
  // One of another version is not there, and nobody keeps that.
  const auto gone = Stranger("/console/assets/editing-00000000.js");
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(std::string(gone.Header("Cache-Control")), Not(HasSubstr("immutable")));
}

TEST_F(ConsoleTest, PagesMayLoadAndReachThisServerAlone) {
  for (const char* path : {"/console/", "/console/nothing", "/console"}) {
    const auto page = Stranger(path);
    EXPECT_EQ(page.headers.count("Content-Security-Policy"), 1u) << path;
    const std::string policy(page.Header("Content-Security-Policy"));
    EXPECT_THAT(policy, HasSubstr("default-src 'self'")) << path;
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'")) << path;
    EXPECT_THAT(policy, Not(HasSubstr("unsafe"))) << path;
    EXPECT_EQ(page.Header("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(page.Header("X-Frame-Options"), "DENY") << path;
    EXPECT_EQ(page.Header("Referrer-Policy"), "no-referrer") << path;
  }
  // What the policy would refuse must not be in the page.
  const std::string page = BodyOf(Stranger("/console/"));
  EXPECT_THAT(page, Not(HasSubstr("<style")));
  EXPECT_THAT(page, Not(HasSubstr("style=")));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr("://")));
}

TEST_F(ConsoleTest, OnlyFilesAreThereAndOnlyToBeRead) {
  EXPECT_EQ(Stranger("/console/nothing").status, 404);
  EXPECT_EQ(Stranger("/console/../api").status, 404);
  EXPECT_EQ(Stranger("/console//index.html").status, 404);
  const auto moved = Stranger("/console");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(moved.Header("Location"), "console/");
  EXPECT_EQ(Stranger("/console/", {}, "HEAD").status, 200);
  const auto refused = Stranger("/console/", {}, "POST");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.Header("Allow"), "GET, HEAD");
}

TEST_F(ConsoleTest, NothingElseIsOpenByIt) {
  for (const char* path : {"/consoles", "/consol", "/", "/api/v1/pods", "/console-x/index.html"}) {
    const int code = Stranger(path).status;
    EXPECT_TRUE(code == 401 || code == 403) << path << ": " << code;
  }
  // Nobody is asked who he is, so a token that is none is no reason to refuse.
  EXPECT_EQ(Ask({.path = "/console/", .token = "nonsense"}).code, 200);
  EXPECT_EQ(Ask({.path = "/api", .token = "nonsense"}).code, 401);
}

TEST_F(ConsoleTest, ALoopAnswersByItself) {
  http::Request request;
  request.method = "GET";
  request.path = request.target = "/console/";
  const auto outcome = server_->TryHandle(request);
  ASSERT_TRUE(outcome.response);
  EXPECT_EQ(outcome.response->status, 200);
  EXPECT_NE(outcome.response->Header("Audit-Id"), "");
}

}  // namespace
}  // namespace skiff
