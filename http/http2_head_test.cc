#include "http/http2_head.h"

#include <gtest/gtest.h>

namespace skiff::http {
namespace {

using Verdict = Http2HeadReader::Verdict;

struct Read {
  Verdict verdict = Verdict::kMalformed;
  RequestHead head;
  HeadFault fault;
};

Read ReadFields(const Http2Fields& fields, size_t bytes_max = 1 << 20) {
  Http2HeadReader reader(bytes_max);
  for (const auto& [name, value] : fields) reader.Add(name, value);
  Read read;
  read.verdict = reader.Finish(read.head, read.fault);
  return read;
}

Http2Fields Get(const std::string& path, const Http2Fields& more = {}) {
  Http2Fields fields = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "host:1"}, {":path", path}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

TEST(Http2Head, BecomesTheRequestThatHttp11WouldBe) {
  const Read read = ReadFields(Get("/a%20b?c=%31&d", {{"accept", "x"},
                                                      {"cookie", "a=1"},
                                                      {"cookie", "b=2"},
                                                      {"content-length", "7"},
                                                      {"host", "other"},
                                                      {"te", "trailers"},
                                                      {"expect", "100-continue"}}));
  ASSERT_EQ(read.verdict, Verdict::kTaken);
  EXPECT_EQ(read.head.method, "GET");
  EXPECT_EQ(read.head.target, "/a%20b?c=%31&d");
  EXPECT_EQ(read.head.path, "/a%20b");
  EXPECT_EQ(read.head.query, "c=%31&d");
  EXPECT_EQ(read.head.framing.content_length, 7);
  EXPECT_TRUE(read.head.expects_continue);
  EXPECT_EQ(read.head.headers.find("Cookie")->second, "a=1; b=2");
  EXPECT_EQ(read.head.headers.count("Host"), 1);
  EXPECT_EQ(read.head.headers.find("Host")->second, "host:1");
}

TEST(Http2Head, IsMalformedWhereGoResetsTheStream) {
  const std::vector<Http2Fields> bad = {
      {},
      {{":method", "GET"}, {":path", "/"}},
      {{":method", "GET"}, {":scheme", "https"}},
      {{":method", "GET"}, {":scheme", "ftp"}, {":path", "/"}},
      {{":method", "GET"}, {":scheme", "https"}, {":path", ""}},
      {{":method", "G T"}, {":scheme", "https"}, {":path", "/"}},
      {{":method", "CONNECT"}, {":scheme", "https"}, {":path", "/"}},
      Get("/a b"),
      Get("relative"),
      Get("/%zz"),
      Get("/", {{":method", "GET"}}),
      Get("/", {{":status", "200"}}),
      Get("/", {{"a", "b"}, {":authority", "late"}}),
      Get("/", {{"Upper", "case"}}),
      Get("/", {{"sp ace", "x"}}),
      Get("/", {{"", "x"}}),
      Get("/", {{"a", "x\r\ny: z"}}),
      Get("/", {{"a", std::string("x\0y", 3)}}),
      Get("/", {{"content-length", "1"}, {"content-length", "2"}}),
      Get("/", {{"content-length", "-1"}}),
  };
  for (const Http2Fields& fields : bad) {
    std::string text;
    for (const auto& [name, value] : fields) text += name + "=" + value + " ";
    EXPECT_EQ(ReadFields(fields).verdict, Verdict::kMalformed) << text;
  }
}

TEST(Http2Head, IsRefusedInGosWordsWhenItSpeaksOfItsConnection) {
  for (const std::string name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const Read read = ReadFields(Get("/", {{lower, "x"}}));
    ASSERT_EQ(read.verdict, Verdict::kRefused);
    EXPECT_EQ(read.fault.status, 400);
    EXPECT_EQ(read.fault.text, "request header \"" + name + "\" is not valid in HTTP/2");
  }
  EXPECT_EQ(ReadFields(Get("/", {{"te", "gzip"}})).fault.text,
            "request header \"TE\" may only be \"trailers\" in HTTP/2");
  EXPECT_EQ(ReadFields({{":method", "CONNECT"}, {":authority", "a:1"}}).fault.status, 405);
}

TEST(Http2Head, KeepsNothingOfWhatIsTooLarge) {
  Http2HeadReader reader(1'000);
  for (int i = 0; i < 100; ++i) reader.Add("name" + std::to_string(i), std::string(100, 'x'));
  EXPECT_EQ(reader.held_bytes(), 0);
  EXPECT_GT(reader.bytes(), 13'000);
  RequestHead head;
  HeadFault fault;
  ASSERT_EQ(reader.Finish(head, fault), Verdict::kRefused);
  EXPECT_EQ(fault.status, 431);
  Http2Fields many = Get("/");
  for (size_t i = 0; i <= kHeadersMax; ++i) many.emplace_back("a", "");
  EXPECT_EQ(ReadFields(many).fault.status, 431);
  EXPECT_EQ(ReadFields(Get("/?" + std::string(kParametersMax, '&'))).fault.status, 431);
}

TEST(Http2Head, LeavesOutOfAnswersWhatIsOfHttp11) {
  Response response;
  response.status = 201;
  response.content_type = "text/plain";
  for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade",
                           "Proxy-Connection", "Content-Length"}) {
    response.SetHeader(name, "x");
  }
  response.SetHeader("X-Mixed-Case", "a\r\nb: c");
  response.SetHeader("Date", "now");
  const Http2Fields expected = {{":status", "201"},
                                {"date", "now"},
                                {"x-mixed-case", "a  b: c"},
                                {"content-type", "text/plain"},
                                {"content-length", "5"}};
  EXPECT_EQ(Http2ResponseFields(response, {.content_length = 5}), expected);
}

}  // namespace
}  // namespace skiff::http
