// Answers of others: what is kept of them, for how long, and how they come back.
#include "dns/cache.h"

#include <gmock/gmock.h>

#include "dns/test_messages.h"
#include "dns/upstream_message.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TestRecord {
  Section section;
  std::string owner;
  uint16_t type;
  uint32_t ttl;
  std::vector<uint8_t> head;
  std::vector<std::string> names;
  std::vector<uint8_t> tail;
};

TestRecord Address(const std::string& owner, uint8_t last, uint32_t ttl = 300) {
  return {Section::kAnswer, owner, type::kA, ttl, {192, 0, 2, last}, {}, {}};
}

TestRecord Alias(const std::string& owner, const std::string& target, uint32_t ttl = 300) {
  return {Section::kAnswer, owner, type::kCname, ttl, {}, {target}, {}};
}

TestRecord Soa(uint32_t ttl, uint32_t minimum) {
  std::vector<uint8_t> numbers(20);
  Put32(numbers.data() + 16, minimum);
  return {Section::kAuthority,
          "example.com",
          type::kSoa,
          ttl,
          {},
          {"ns.example.com", "root.example.com"},
          numbers};
}

std::vector<uint8_t> Message(const TestQuery& query, const std::vector<TestRecord>& records,
                             Rcode rcode = Rcode::kNoError) {
  std::vector<uint8_t> bytes(kMessageBytesMax);
  MessageWriter writer(bytes);
  writer.Start(query.id,
               flag::kResponse | flag::kRecursionAvailable | static_cast<uint16_t>(rcode));
  writer.Question(*Name::FromText(query.name), query.type, kClassIn);
  for (const TestRecord& record : records) {
    Rdata rdata{.head = record.head};
    std::vector<Name> names;
    for (const std::string& name : record.names) names.push_back(*Name::FromText(name));
    for (size_t i = 0; i < names.size(); ++i) rdata.names[i] = &names[i];
    rdata.tail = record.tail;
    EXPECT_TRUE(writer.Record(record.section, *Name::FromText(record.owner), record.type,
                              record.ttl, rdata));
  }
  bytes.resize(writer.size());
  return bytes;
}

class CacheTest : public ::testing::Test {
 protected:
  std::shared_ptr<const CachedMessage> Make(const std::vector<TestRecord>& records,
                                            Rcode rcode = Rcode::kNoError) {
    const TestQuery query{.name = name_};
    return CachedMessage::Make(Message(query, records, rcode), *Name::FromText(name_), type::kA,
                               now_, {});
  }
  TestReply Reply(const CachedMessage& message, TestQuery query, bool tcp = false,
                  uint64_t random = 0) {
    Query parsed;
    EXPECT_EQ(ParseQuery(MakeQuery(query), &parsed), QueryFault::kNone);
    const TestReply reply = ReadReply(message.Reply(parsed, options_, tcp, now_, random, space_));
    EXPECT_TRUE(reply.parsed);
    return reply;
  }
  bool Lasts(const CachedMessage& message, Duration time) {
    return !message.expired(now_ + time - 1s) && message.expired(now_ + time);
  }

  const std::string name_ = "www.example.com";
  Duration now_ = 1000s;
  ZoneOptions options_;
  std::vector<uint8_t> space_ = std::vector<uint8_t>(kMessageBytesMax);
};

TEST_F(CacheTest, ARepliesTtlsCountDown) {
  const auto message = Make({Address(name_, 1, 300), Address(name_, 2, 60)});
  ASSERT_TRUE(message);
  EXPECT_TRUE(Lasts(*message, 60s));
  now_ += 25s;
  TestReply reply = Reply(*message, {.name = name_});
  EXPECT_THAT(reply.answer, ElementsAre("www.example.com. 275 IN A 192.0.2.1",
                                        "www.example.com. 35 IN A 192.0.2.2"));
  EXPECT_FALSE(reply.authoritative);
  EXPECT_TRUE(reply.recursion_available);
}

TEST_F(CacheTest, TheClientsIdSpellingAndEdnsComeBack) {
  const auto message = Make({Address(name_, 1)});
  const TestReply reply =
      Reply(*message, {.name = "wWw.ExAmPlE.CoM", .id = 0xBEEF, .udp_bytes = 4096});
  EXPECT_EQ(reply.id, 0xBEEF);
  EXPECT_THAT(reply.question, ::testing::StartsWith("wWw.ExAmPlE.CoM."));
  EXPECT_THAT(reply.answer, ElementsAre("wWw.ExAmPlE.CoM. 300 IN A 192.0.2.1"));
  EXPECT_TRUE(reply.edns);
  EXPECT_FALSE(Reply(*message, {.name = name_}).edns);
}

TEST_F(CacheTest, AnAnswerLastsAsLongAsItsShortestRecord) {
  EXPECT_TRUE(Lasts(*Make({Alias(name_, "a.example.com", 20), Address("a.example.com", 1)}), 20s));
  EXPECT_FALSE(Make({Address(name_, 1, 0)})->lasts());
  // A TTL with its top bit set counts as none.
  EXPECT_FALSE(Make({Address(name_, 1, 0x80000000)})->lasts());
  EXPECT_TRUE(Lasts(*Make({Address(name_, 1, 1'000'000)}), 3600s));
}

TEST_F(CacheTest, NegativeAnswersLastAsLongAsTheirSoaSays) {
  EXPECT_TRUE(Lasts(*Make({Soa(600, 30)}, Rcode::kNxDomain), 30s));
  EXPECT_TRUE(Lasts(*Make({Soa(20, 30)}), 20s));
  EXPECT_TRUE(Lasts(*Make({Soa(100'000, 100'000)}, Rcode::kNxDomain), 1800s));
  EXPECT_FALSE(Make({}, Rcode::kNxDomain)->lasts());
  EXPECT_FALSE(Make({})->lasts());
  EXPECT_TRUE(
      Lasts(*Make({Alias(name_, "a.example.com", 20), Soa(60, 60)}, Rcode::kNxDomain), 20s));
  EXPECT_TRUE(Lasts(*Make({}, Rcode::kServFail), 5s));
  // An SOA beside an answer says nothing about it.
  EXPECT_TRUE(Lasts(*Make({Address(name_, 1, 300), Soa(10, 10)}), 300s));
}

TEST_F(CacheTest, NegativeAnswersComeBackWithTheirSoa) {
  const auto message = Make({Soa(600, 30)}, Rcode::kNxDomain);
  now_ += 10s;
  const TestReply reply = Reply(*message, {.name = name_});
  EXPECT_EQ(reply.rcode, 3);
  EXPECT_THAT(reply.authority,
              ElementsAre("example.com. 590 IN SOA ns.example.com. root.example.com. 0 0 0 0 30"));
}

TEST_F(CacheTest, WhatDoesNotFitADatagramIsCutAtARecord) {
  std::vector<TestRecord> records;
  for (uint8_t i = 0; i < 100; ++i) records.push_back(Address(name_, i));
  const auto message = Make(records);
  TestReply reply = Reply(*message, {.name = name_});
  EXPECT_TRUE(reply.truncated);
  EXPECT_LE(reply.bytes, 512u);
  EXPECT_THAT(reply.answer, SizeIs(29));
  reply = Reply(*message, {.name = name_, .udp_bytes = 1232});
  EXPECT_TRUE(reply.truncated);
  EXPECT_TRUE(reply.edns);
  EXPECT_LE(reply.bytes, 1232u);
  reply = Reply(*message, {.name = name_}, true);
  EXPECT_FALSE(reply.truncated);
  EXPECT_THAT(reply.answer, SizeIs(100));
  // Additional records go without a word.
  records.resize(28);
  for (uint8_t i = 0; i < 10; ++i) {
    records.push_back(
        {Section::kAdditional, "ns.example.com", type::kA, 60, {192, 0, 2, i}, {}, {}});
  }
  reply = Reply(*Make(records), {.name = name_});
  EXPECT_FALSE(reply.truncated);
  EXPECT_THAT(reply.answer, SizeIs(28));
  EXPECT_LT(reply.additional.size(), 10u);
}

TEST_F(CacheTest, AddressesTakeTurns) {
  const auto message = Make({Alias(name_, "a.example.com"), Address("a.example.com", 1, 100),
                             Address("a.example.com", 2, 200), Address("a.example.com", 3, 300)});
  now_ += 50s;
  const TestReply reply = Reply(*message, {.name = name_}, false, 1);
  EXPECT_THAT(reply.answer,
              ElementsAre("www.example.com. 250 IN CNAME a.example.com.",
                          "a.example.com. 150 IN A 192.0.2.2", "a.example.com. 250 IN A 192.0.2.3",
                          "a.example.com. 50 IN A 192.0.2.1"));
}

TEST_F(CacheTest, AnAnswerBehindAliasesHasThemFirst) {
  const auto message = Make({Alias(name_, "a.example.com"), Address("a.example.com", 1)});
  Query query;
  const std::string asked = "ext.default.svc.cluster.local";
  ParseQuery(MakeQuery({.name = asked, .udp_bytes = 1232}), &query);
  now_ += 100s;
  const TestReply reply = ReadReply(
      message->ReplyBehind({*Name::FromText(name_)}, query, options_, false, now_, space_));
  EXPECT_THAT(reply.answer,
              ElementsAre("ext.default.svc.cluster.local. 5 IN CNAME www.example.com.",
                          "www.example.com. 200 IN CNAME a.example.com.",
                          "a.example.com. 200 IN A 192.0.2.1"));
  EXPECT_TRUE(reply.edns);
}

TEST_F(CacheTest, RecordsOfAllLayoutsSurvive) {
  const auto message =
      Make({{Section::kAnswer, name_, type::kMx, 9, {0, 10}, {"mx.example.com"}, {}},
            {Section::kAnswer, name_, type::kSrv, 9, {0, 1, 0, 2, 0, 80}, {"t.example.com"}, {}},
            {Section::kAnswer, name_, type::kTxt, 9, {2, 'h', 'i'}, {}, {}},
            {Section::kAnswer,
             name_,
             type::kNaptr,
             9,
             {0, 1, 0, 2, 1, 'u', 0, 0},
             {"n.example.com"},
             {}},
            {Section::kAnswer, name_, type::kDname, 9, {}, {"d.example.com"}, {}}});
  ASSERT_TRUE(message);
  EXPECT_THAT(Reply(*message, {.name = name_}).answer,
              ElementsAre("www.example.com. 9 IN MX 10 mx.example.com.",
                          "www.example.com. 9 IN SRV 1 2 80 t.example.com.",
                          "www.example.com. 9 IN TXT \"hi\"",
                          "www.example.com. 9 IN NAPTR 1 2 \"u\" \"\" \"\" n.example.com.",
                          "www.example.com. 9 IN DNAME d.example.com."));
}

TEST_F(CacheTest, MalformedAnswersAreNotTaken) {
  EXPECT_FALSE(Make({{Section::kAnswer, name_, type::kA, 9, {1, 2, 3}, {}, {}}}));
  EXPECT_FALSE(Make({{Section::kAnswer, name_, type::kMx, 9, {0}, {}, {}}}));
  EXPECT_FALSE(Make({{Section::kAnswer, name_, type::kCname, 9, {5, 'a'}, {}, {}}}));
  EXPECT_FALSE(
      Make({{Section::kAnswer, name_, type::kCname, 9, {}, {"a.example.com"}, {1, 2, 3}}}));
}

TEST_F(CacheTest, TheCacheIsBoundedAndKeepsWhatIsUsed) {
  Cache cache(64);
  const auto key = [](int i) {
    return CacheKey(*Name::FromText("n" + std::to_string(i) + ".example.com"), type::kA, false,
                    false);
  };
  const auto message = Make({Address(name_, 1)});
  cache.Put(key(0), message);
  for (int i = 1; i < 1000; ++i) {
    cache.Put(key(i), message);
    ASSERT_TRUE(cache.Find(key(0), now_)) << i;
    EXPECT_LE(cache.size(), 64u);
  }
  EXPECT_EQ(cache.size(), 64u);
  EXPECT_TRUE(cache.Find(key(999), now_));
  EXPECT_FALSE(cache.Find(key(1), now_));
}

TEST_F(CacheTest, TheCacheForgetsWhatHasExpiredAndTellsQuestionsApart) {
  Cache cache(64);
  const Name name = *Name::FromText(name_);
  const CacheKey key(name, type::kA, false, false);
  cache.Put(key, Make({Address(name_, 1, 10)}));
  EXPECT_TRUE(cache.Find(key, now_ + 9s));
  EXPECT_FALSE(cache.Find(key, now_ + 10s));
  EXPECT_FALSE(cache.Find(CacheKey(name, type::kAaaa, false, false), now_));
  EXPECT_FALSE(cache.Find(CacheKey(name, type::kA, true, false), now_));
  EXPECT_FALSE(cache.Find(CacheKey(name, type::kA, false, true), now_));
  Cache none(0);
  none.Put(key, Make({Address(name_, 1, 10)}));
  EXPECT_FALSE(none.Find(key, now_));
}

TEST(UpstreamMessageTest, OnlyTheAnswerToTheQuestionIsTaken) {
  const UpstreamQuestion question{*Name::FromText("www.Example.com"), type::kA, true, false};
  Query query;
  ASSERT_EQ(ParseQuery(MakeUpstreamQuery(question, 77, true), &query), QueryFault::kNone);
  EXPECT_EQ(query.id, 77);
  EXPECT_TRUE(query.edns);
  EXPECT_TRUE(query.dnssec_ok);
  const auto judge = [&](const TestQuery& asked, Rcode rcode = Rcode::kNoError,
                         uint16_t flags = 0) {
    auto message = Message(asked, {}, rcode);
    Put16(message.data() + 2, Get16(message, 2) | flags);
    return JudgeUpstreamAnswer(message, question, 77, true);
  };
  EXPECT_EQ(judge({.name = "www.example.com", .id = 77}), UpstreamAnswer::kGood);
  EXPECT_EQ(judge({.name = "www.example.com", .id = 78}), UpstreamAnswer::kForeign);
  EXPECT_EQ(judge({.name = "www.example.org", .id = 77}), UpstreamAnswer::kForeign);
  EXPECT_EQ(judge({.name = "www.example.com", .type = type::kAaaa, .id = 77}),
            UpstreamAnswer::kForeign);
  EXPECT_EQ(judge({.name = "www.example.com", .id = 77}, Rcode::kNoError, flag::kTruncated),
            UpstreamAnswer::kTruncated);
  EXPECT_EQ(judge({.name = "www.example.com", .id = 77}, Rcode::kServFail),
            UpstreamAnswer::kFailure);
  EXPECT_EQ(judge({.name = "www.example.com", .id = 77}, Rcode::kFormErr), UpstreamAnswer::kNoEdns);
  EXPECT_EQ(judge({.name = "www.example.com", .id = 77}, Rcode::kNxDomain), UpstreamAnswer::kGood);
}

}  // namespace
}  // namespace skiff::dns
