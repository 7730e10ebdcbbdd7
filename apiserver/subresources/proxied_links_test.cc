#include "apiserver/subresources/proxied_links.h"

#include <gtest/gtest.h>

#include "base/gzip.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

const ProxiedPlace kPlace{.prefix = "/api/v1/namespaces/a/services/s/proxy",
                          .upstream_host = "10.0.0.1:80",
                          .client_host = "api.example:6443"};
const std::string kPrefix = kPlace.prefix;

std::string Rewritten(std::string_view page, size_t piece = std::string::npos) {
  LinkRewriter rewriter(kPlace);
  std::string out;
  while (!page.empty()) {
    rewriter.Add(page.substr(0, piece), out);
    page.remove_prefix(std::min(piece, page.size()));
  }
  rewriter.End(out);
  return out;
}

TEST(ProxiedLinks, AbsolutePathsOfTheSameHostGetThePrefix) {
  const std::pair<std::string, std::string> rows[] = {
      {"/x", kPrefix + "/x"},
      {"/", kPrefix + "/"},
      {"/x/?q=/y#f", kPrefix + "/x/?q=/y#f"},
      {"//10.0.0.1:80/x", kPrefix + "/x"},
      {"http://10.0.0.1:80/x?y", kPrefix + "/x?y"},
      {"https://api.example:6443/x", kPrefix + "/x"},
      {kPrefix + "/x", kPrefix + "/x"},
      {"https://api.example:6443" + kPrefix + "/x", kPrefix + "/x"},
      {"x", "x"},
      {"../x", "../x"},
      {"", ""},
      {"?q", "?q"},
      {"#f", "#f"},
      {"http://10.0.0.1:80", "http://10.0.0.1:80"},
      {"http://elsewhere/x", "http://elsewhere/x"},
      {"//elsewhere/x", "//elsewhere/x"},
      {"http://user@10.0.0.1:80/x", "http://user@10.0.0.1:80/x"},
      {"mailto:a@b", "mailto:a@b"},
      {"javascript:/x/.test(y)", "javascript:/x/.test(y)"},
      {"/a\nb", "/a\nb"},
  };
  for (const auto& [url, wanted] : rows) EXPECT_EQ(ProxiedUrl(kPlace, url), wanted) << url;
}

struct Row {
  std::string page;
  std::string wanted;
};

std::vector<Row> Pages() {
  const auto same = [](std::string page) { return Row{page, page}; };
  return {
      {"<a href=\"/rewriteme\">test</a>", "<a href=\"" + kPrefix + "/rewriteme\">test</a>"},
      {"<A HREF='/x' class=\"/x\">", "<A HREF='" + kPrefix + "/x' class=\"/x\">"},
      {"<img src=/x.png alt=/y>", "<img src=\"" + kPrefix + "/x.png\" alt=/y>"},
      {"<a  href = \"/x\"\n title='a > b'>", "<a  href = \"" + kPrefix + "/x\"\n title='a > b'>"},
      {"<link rel=x href=\"/x\"/>", "<link rel=x href=\"" + kPrefix + "/x\"/>"},
      {"<script src=\"/x\">a=\"<a href='/y'>\"</script><a href='/z'>",
       "<script src=\"" + kPrefix + "/x\">a=\"<a href='/y'>\"</script><a href='" + kPrefix +
           "/z'>"},
      {"<!-- <a href='/x'> --><q cite='/x'>",
       "<!-- <a href='/x'> --><q cite='" + kPrefix + "/x'>"},
      {"<!--><a href='/x'>", "<!--><a href='" + kPrefix + "/x'>"},
      {"<!doctype html><html manifest=\"/m\">",
       "<!doctype html><html manifest=\"" + kPrefix + "/m\">"},
      same("a < b && c > d <"),
      same("<div href=\"/x\">"),
      same("<a href>"),
      same("<a href=\"\">"),
      same("<a href=\"x\">"),
      same("<a href=\"/x"),
      same("</a href=\"/x\">"),
      same("<?php <a>"),
      same("<textarea><a href='/x'></textarea>"),
      same("<plaintext></plaintext><a href='/x'>"),
      same("\xff\xfe<\x01>"),
  };
}

TEST(ProxiedLinks, OnlyLinksOfAPageChange) {
  for (const Row& row : Pages()) EXPECT_EQ(Rewritten(row.page), row.wanted) << row.page;
}

TEST(ProxiedLinks, APageMayBeCutAnywhere) {
  for (const Row& row : Pages()) {
    for (size_t piece = 1; piece < 8; ++piece) {
      EXPECT_EQ(Rewritten(row.page, piece), row.wanted) << row.page << " by " << piece;
    }
  }
}

TEST(ProxiedLinks, ATagThatIsTooLongGoesOutAsItCame) {
  const std::string text = "<a href=\"/z\">" + std::string(100'000, 'x');
  const std::string tag = "<a title='" + text + "' href=\"/x\">";
  for (const size_t piece : {size_t{1000}, std::string::npos}) {
    EXPECT_EQ(Rewritten(tag + "<a href='/y'>", piece), tag + "<a href='" + kPrefix + "/y'>");
  }
}

TEST(ProxiedLinks, ManyTagsThatDoNotEndAreLookedAtOnce) {
  for (const char* begin : {"<a ", "<!a", "</a"}) {
    std::string page;
    while (page.size() < 4 << 20) page += begin;
    EXPECT_LT(SecondsOf([&] { EXPECT_EQ(Rewritten(page, 64 << 10), page); }), 10);
    EXPECT_EQ(Rewritten(page.substr(0, 256 << 10), 1), page.substr(0, 256 << 10));
  }
}

TEST(ProxiedLinks, ATagWithoutEndIsNotHeldForEver) {
  LinkRewriter rewriter(kPlace);
  std::string out;
  const std::string part(32 << 10, 'a');
  rewriter.Add("<a href=\"", out);
  for (int i = 0; i < 4; ++i) rewriter.Add(part, out);
  EXPECT_EQ(out.size(), 9 + 4 * part.size());
}

// Yields its pieces, one a pull.
class Pieces final : public http::StreamSource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
    if (at_ == pieces_.size()) return http::Pulled::kEnd;
    out.push_back(std::make_shared<const std::string>(pieces_[at_++]));
    return http::Pulled::kMore;
  }

 private:
  const std::vector<std::string> pieces_;
  size_t at_ = 0;
};

struct Read {
  std::string text;
  http::Pulled end = http::Pulled::kMore;
  size_t largest = 0;
};

Read ReadAll(http::Response& response) {
  Read read;
  while (read.end == http::Pulled::kMore) {
    std::vector<http::SharedBytes> chunks;
    read.end = response.stream->Pull(64 << 10, chunks);
    for (const auto& chunk : chunks) {
      read.text += *chunk;
      read.largest = std::max(read.largest, chunk->size());
    }
  }
  return read;
}

http::Response Page(std::vector<std::string> pieces, std::string type, std::string packing = "") {
  http::Response response;
  response.SetHeader("Content-Type", std::move(type));
  response.SetHeader("Content-Length", "17");
  if (!packing.empty()) response.SetHeader("Content-Encoding", std::move(packing));
  response.stream = std::make_unique<Pieces>(std::move(pieces));
  return response;
}

TEST(ProxiedLinks, AnAnswerInHtmlIsRewrittenAndLosesItsLength) {
  auto response = Page({"<a hr", "ef='/x'>"}, "text/html; charset=utf-8");
  RewriteLinks(kPlace, response);
  EXPECT_EQ(ReadAll(response).text, "<a href='" + kPrefix + "/x'>");
  EXPECT_FALSE(response.headers.contains("Content-Length"));
  for (const auto& [type, packing] : {std::pair("text/plain", ""), std::pair("text/html", "br")}) {
    auto other = Page({"<a href='/x'>"}, type, packing);
    RewriteLinks(kPlace, other);
    EXPECT_EQ(ReadAll(other).text, "<a href='/x'>");
    EXPECT_TRUE(other.headers.contains("Content-Length"));
  }
}

TEST(ProxiedLinks, AnAnswerThatIsPackedIsUnpackedALittleAtATime) {
  const std::string page = "<a href='/x'>" + std::string(8 << 20, 'a') + "<a href='/y'>";
  const std::string packed = Gzip(page);
  auto response = Page({packed.substr(0, 10), packed.substr(10)}, "text/html", "gzip");
  RewriteLinks(kPlace, response);
  const Read read = ReadAll(response);
  EXPECT_EQ(read.end, http::Pulled::kEnd);
  EXPECT_EQ(read.text, "<a href='" + kPrefix + "/x'>" + std::string(8 << 20, 'a') + "<a href='" +
                           kPrefix + "/y'>");
  EXPECT_LE(read.largest, 128u << 10);
  EXPECT_FALSE(response.headers.contains("Content-Encoding"));
}

TEST(ProxiedLinks, APackedAnswerThatBreaksOffIsCut) {
  const std::string packed = Gzip("<a href='/x'>");
  for (const std::string& bytes : {packed.substr(0, packed.size() - 4), std::string("nonsense")}) {
    auto response = Page({bytes}, "text/html", "gzip");
    RewriteLinks(kPlace, response);
    EXPECT_EQ(ReadAll(response).end, http::Pulled::kAbort);
  }
}

TEST(ProxiedLinks, ARedirectionStaysBehindTheProxy) {
  auto response = Page({"<a href='/x'>"}, "text/html");
  response.SetHeader("Location", "http://10.0.0.1:80/login?from=/x");
  RewriteLinks(kPlace, response);
  EXPECT_EQ(response.Header("Location"), kPrefix + "/login?from=/x");
  EXPECT_EQ(ReadAll(response).text, "<a href='/x'>");
}

}  // namespace
}  // namespace skiff
