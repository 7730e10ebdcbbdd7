#include "http/head.h"

#include <gtest/gtest.h>

namespace skiff::http {
namespace {

int FaultOf(const std::string& text) {
  RequestHead head;
  const auto fault = ParseRequestHead(text, head);
  return fault ? fault->status : 0;
}

TEST(Head, TakesARequestApart) {
  RequestHead head;
  ASSERT_FALSE(
      ParseRequestHead("PATCH /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-A:  b c \r\n"
                       "content-length: 5\r\nExpect: 100-continue\r\n\r\n",
                       head));
  EXPECT_EQ(head.method, "PATCH");
  EXPECT_EQ(head.path, "/a%20b");
  EXPECT_EQ(head.query, "x=1&y");
  EXPECT_EQ(head.headers.find("x-a")->second, "b c");
  EXPECT_EQ(head.framing.content_length, 5);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
}

TEST(Head, LeavesHeaderValuesAsTheyWereSent) {
  RequestHead head;
  ASSERT_FALSE(
      ParseRequestHead("GET / HTTP/1.1\r\nHost: h\r\nImpersonate-User: a%0d%0aX: 1\r\n\r\n", head));
  EXPECT_EQ(head.headers.find("Impersonate-User")->second, "a%0d%0aX: 1");
}

TEST(Head, TakesLongLines) {
  RequestHead head;
  const std::string path = "/" + std::string(100'000, 'p');
  const std::string value(100'000, 'v');
  ASSERT_FALSE(ParseRequestHead(
      "GET " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: " + value + "\r\n\r\n", head));
  EXPECT_EQ(head.path, path);
  EXPECT_EQ(head.headers.find("Authorization")->second, value);
}

// Anybody may send them, and they are taken apart before anybody is asked who that is.
TEST(Head, TakesSoManyParameters) {
  std::string query(2 * kParametersMax, 'a');
  for (size_t i = 1; i < query.size(); i += 2) query[i] = '&';
  query.pop_back();
  EXPECT_EQ(FaultOf("GET /?" + query + " HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
  EXPECT_EQ(FaultOf("GET /?" + query + "&a HTTP/1.1\r\nHost: h\r\n\r\n"), 431);
}

TEST(Head, RefusesWhatOthersMightReadDifferently) {
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(FaultOf(get + "\r\n"), 0);
  EXPECT_EQ(FaultOf("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(FaultOf(get + "Host: i\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "A : b\r\n\r\n"), 400) << "space before the colon";
  EXPECT_EQ(FaultOf(get + "A: b\r\n c\r\n\r\n"), 400) << "folded";
  EXPECT_EQ(FaultOf(get + "A: b\nB: c\r\n\r\n"), 400) << "bare LF";
  EXPECT_EQ(FaultOf(get + std::string("A: b\0c\r\n\r\n", 10)), 400);
  EXPECT_EQ(FaultOf(get + "nonsense\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "Content-Length: +1\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "Content-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf(get + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(FaultOf(get + "Expect: miracles\r\n\r\n"), 417);
  EXPECT_EQ(FaultOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(FaultOf("GET / HTTX/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf("GET  HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf("GET\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf("G(T / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf("GET foo HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(FaultOf("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"), 405);
  std::string many = get;
  for (int i = 0; i < 1'001; ++i) many += "A: b\r\n";
  EXPECT_EQ(FaultOf(many + "\r\n"), 431);
}

TEST(Head, KeepsConnectionsAsTheVersionSays) {
  const auto keeps = [](const std::string& text) {
    RequestHead head;
    EXPECT_FALSE(ParseRequestHead(text, head));
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(Head, TakesTargetsMeantForProxies) {
  RequestHead head;
  ASSERT_FALSE(ParseRequestHead("GET http://h:1/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n", head));
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c");
  RequestHead bare;
  ASSERT_FALSE(ParseRequestHead("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", bare));
  EXPECT_EQ(bare.path, "/");
}

TEST(Head, IsFoundWhereverTheBytesAreCut) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  size_t searched = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(FindHeadEnd(text.substr(0, i), searched), std::string::npos) << i;
  }
  EXPECT_EQ(FindHeadEnd(text + "rest", searched), text.size());
}

TEST(ChunkDecoder, TakesTheFramingOffWhereverTheBytesAreCut) {
  const std::string text = "5;ext=1\r\nhello\r\nA\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\nrest";
  for (size_t step = 1; step < text.size(); ++step) {
    ChunkDecoder decoder;
    std::string out;
    size_t at = 0;
    auto state = ChunkDecoder::State::kMore;
    while (state == ChunkDecoder::State::kMore && at < text.size()) {
      size_t taken = 0;
      state = decoder.Decode(std::string_view(text).substr(at, step), taken, out);
      at += taken;
    }
    EXPECT_EQ(state, ChunkDecoder::State::kEnd);
    EXPECT_EQ(out, "hello, world!!!");
    EXPECT_EQ(text.substr(at), "rest");
  }
}

TEST(ChunkDecoder, RefusesBadFraming) {
  for (const std::string text :
       {"\r\n", "x\r\n", "-1\r\n", "5\r\nhelloX\r\n", "5\nhello\r\n", "fffffffffffffffff\r\n"}) {
    ChunkDecoder decoder;
    std::string out;
    size_t taken = 0;
    EXPECT_EQ(decoder.Decode(text, taken, out), ChunkDecoder::State::kBad) << text;
  }
}

TEST(ChunkDecoder, SaysWhatIsWrongAsGoDoes) {
  const auto fault = [](const std::string& text) {
    ChunkDecoder decoder;
    std::string out;
    size_t taken = 0;
    EXPECT_EQ(decoder.Decode(text, taken, out), ChunkDecoder::State::kBad) << text;
    return decoder.fault();
  };
  EXPECT_EQ(fault("\r\n"), "empty hex number for chunk length");
  EXPECT_EQ(fault("zz\r\n"), "invalid byte in chunk length");
  EXPECT_EQ(fault(" 5\r\n"), "invalid byte in chunk length");
  EXPECT_EQ(fault("5 ;ext\r\n"), "invalid byte in chunk length");
  EXPECT_EQ(fault("00000000000000005\r\n"), "http chunk length too large");
  EXPECT_EQ(fault("5\n"), "chunked line ends with bare LF");
  EXPECT_EQ(fault("5\r\nhelloX\r\n"), "malformed chunked encoding");
  EXPECT_EQ(fault("1;" + std::string(10'000, 'x')), "header line too long");
  EXPECT_EQ(fault("0\r\nno colon\r\n"), "malformed MIME header: missing colon: \"no colon\"");
  EXPECT_EQ(fault("0\r\nX: " + std::string(20'000, 'x')),
            "http: suspiciously long trailer after chunked body");
  // Blanks may stand behind a length.
  ChunkDecoder decoder;
  std::string out;
  size_t taken = 0;
  EXPECT_EQ(decoder.Decode("0005 \t\r\nhello\r\n0\r\n\r\n", taken, out), ChunkDecoder::State::kEnd);
  EXPECT_EQ(out, "hello");
}

TEST(Head, ChunksOfAnAnswerCountMoreThanItsLengthAndOfARequestAreRefusedWithOne) {
  const std::string framing = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
  ResponseHead answer;
  EXPECT_FALSE(ParseResponseHead("HTTP/1.1 200 OK\r\n" + framing, answer));
  EXPECT_TRUE(answer.framing.chunked);
  EXPECT_FALSE(answer.framing.content_length);
  EXPECT_EQ(answer.headers.count("Content-Length"), 0u);
  RequestHead request;
  EXPECT_TRUE(ParseRequestHead("POST / HTTP/1.1\r\nHost: a\r\n" + framing, request));
  ResponseHead old;
  EXPECT_FALSE(ParseResponseHead("HTTP/1.0 200 OK\r\n" + framing, old));
  EXPECT_FALSE(old.framing.chunked);
  EXPECT_EQ(old.framing.content_length, 5u);
  ResponseHead other;
  const auto fault =
      ParseResponseHead("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", other);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->text, "unsupported transfer encoding: \"gzip, chunked\"");
}

TEST(Head, NeverLetsAValueBreakOutOfItsLine) {
  Response response;
  response.SetHeader("Warning", "a\r\nX-Evil: 1");
  const std::string text = SerializeResponseHead(response, true, {.content_length = 0});
  EXPECT_NE(text.find("Warning: a  X-Evil: 1\r\n"), std::string::npos) << text;
}

TEST(Message, DecodesQueriesInOrder) {
  const auto query = ParseQuery("z=1&a=2%2B+3&command=a%20b&command=c&flag&&=x");
  ASSERT_EQ(query.size(), 6);
  EXPECT_EQ(query[0], std::make_pair(std::string("z"), std::string("1")));
  EXPECT_EQ(query[1].second, "2+ 3");
  EXPECT_EQ(query[2].second, "a b");
  EXPECT_EQ(query[4].first, "flag");
  EXPECT_EQ(ParseQuery("a=%zz&b=%4&%=1&c;d=1&e=1;f=2&g=h").size(), 1u) << "as Go leaves them out";
  EXPECT_EQ(UrlDecode("a%2", false), "a%2");
  EXPECT_EQ(UrlDecode("%zz+%41", false), "%zz+A");
}

}  // namespace
}  // namespace skiff::http
