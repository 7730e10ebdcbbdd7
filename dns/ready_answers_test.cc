// Replies that are given again, and what ends them.
#include "dns/ready_answers.h"

#include <gmock/gmock.h>

#include <set>

#include "dns/test_messages.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kView = 7;
constexpr Duration kNow = 100s;

std::vector<uint8_t> ReplyTo(const TestQuery& query, const std::vector<uint8_t>& last_bytes) {
  std::vector<uint8_t> bytes(kMessageBytesMax);
  MessageWriter writer(bytes);
  const Name name = *Name::FromText(query.name);
  writer.Start(query.id, flag::kResponse);
  writer.Question(name, query.type, kClassIn);
  for (const uint8_t last : last_bytes) {
    const uint8_t address[] = {10, 0, 0, last};
    writer.Record(Section::kAnswer, name, type::kA, 5, {.head = address});
  }
  bytes.resize(writer.size());
  return bytes;
}

class ReadyAnswersTest : public ::testing::Test {
 protected:
  void Put(const TestQuery& query, Duration until = kNever, uint64_t generation = kView) {
    ready_.Put(MakeQuery(query), ReplyTo(query, {1}), generation, kNow, until);
  }
  TestReply Find(const TestQuery& query, Duration now = kNow, uint64_t generation = kView,
                 uint64_t random = 0) {
    return ReadReply(ready_.Find(MakeQuery(query), generation, now, random, space_));
  }

  ReadyAnswers ready_;
  std::vector<uint8_t> space_ = std::vector<uint8_t>(kMessageBytesMax);
};

TEST_F(ReadyAnswersTest, TheSameQueryGetsTheSameReplyUnderItsOwnId) {
  EXPECT_FALSE(Find({.name = "web.test"}).parsed);
  Put({.name = "web.test", .id = 1});
  const TestReply reply = Find({.name = "web.test", .id = 0xBEEF});
  EXPECT_EQ(reply.id, 0xBEEF);
  EXPECT_THAT(reply.answer, ElementsAre("web.test. 5 IN A 10.0.0.1"));
}

TEST_F(ReadyAnswersTest, WhateverElseDiffersIsAnotherQuery) {
  Put({.name = "web.test"});
  EXPECT_FALSE(Find({.name = "wEb.test"}).parsed);
  EXPECT_FALSE(Find({.name = "web.test", .type = type::kAaaa}).parsed);
  EXPECT_FALSE(Find({.name = "web.test", .flags = 0}).parsed);
  EXPECT_FALSE(Find({.name = "web.test", .udp_bytes = 1232}).parsed);
  EXPECT_FALSE(Find({.name = "web.tes"}).parsed);
}

TEST_F(ReadyAnswersTest, AReplyEndsWithItsTimeAndWithItsView) {
  Put({.name = "web.test"}, kNow + 1s);
  EXPECT_TRUE(Find({.name = "web.test"}, kNow + 999ms).parsed);
  EXPECT_FALSE(Find({.name = "web.test"}, kNow + 1s).parsed);
  EXPECT_FALSE(Find({.name = "web.test"}, kNow, kView + 1).parsed);
}

TEST_F(ReadyAnswersTest, AddressesTakeTurns) {
  const TestQuery query{.name = "web.test"};
  ready_.Put(MakeQuery(query), ReplyTo(query, {1, 2, 3}), kView, kNow, kNever);
  std::set<std::string> first;
  for (uint64_t random = 0; random < 3; ++random) {
    const TestReply reply = Find(query, kNow, kView, random);
    ASSERT_THAT(reply.answer, SizeIs(3));
    EXPECT_EQ(std::set<std::string>(reply.answer.begin(), reply.answer.end()).size(), 3u);
    first.insert(reply.answer[0]);
  }
  EXPECT_THAT(first, SizeIs(3));
}

TEST_F(ReadyAnswersTest, ItGrowsToItsBoundAndNoFurther) {
  const auto name = [](size_t i) { return "name" + std::to_string(i) + ".test"; };
  const size_t many = 3 * ReadyAnswers::kAnswersMax;
  for (size_t i = 0; i < many; ++i) Put({.name = name(i)});
  size_t kept = 0;
  for (size_t i = 0; i < many; ++i) {
    const TestReply reply = Find({.name = name(i)});
    if (!reply.parsed) continue;
    ++kept;
    EXPECT_THAT(reply.answer, ElementsAre(name(i) + ". 5 IN A 10.0.0.1"));
  }
  EXPECT_LE(kept, ReadyAnswers::kAnswersMax);
  EXPECT_GT(kept, ReadyAnswers::kAnswersMax / 2);
}

TEST_F(ReadyAnswersTest, WhatHasEndedMakesRoomFirst) {
  const auto name = [](size_t i) { return "name" + std::to_string(i) + ".test"; };
  for (size_t i = 0; i < 1000; ++i) Put({.name = name(i)}, kNow - 1s);
  for (size_t i = 0; i < 1000; ++i) Put({.name = name(i)}, kNever, kView - 1);
  for (size_t i = 0; i < 16; ++i) {
    Put({.name = name(i)});
    EXPECT_TRUE(Find({.name = name(i)}).parsed) << i;
  }
}

TEST_F(ReadyAnswersTest, OddMessagesAreLeftToOthers) {
  const std::vector<uint8_t> shorter(11);
  EXPECT_THAT(ready_.Find(shorter, kView, kNow, 0, space_), IsEmpty());
  ready_.Put(shorter, shorter, kView, kNow, kNever);
  EXPECT_THAT(ready_.Find(shorter, kView, kNow, 0, space_), IsEmpty());
  const std::vector<uint8_t> longer(ReadyAnswers::kBytesMax);
  const std::vector<uint8_t> reply(20);
  ready_.Put(longer, reply, kView, kNow, kNever);
  EXPECT_THAT(ready_.Find(longer, kView, kNow, 0, space_), IsEmpty());
}

TEST(AddressRunTest, AliasesStayInFrontAndUnlikeRecordsWhereTheyAre) {
  std::vector<uint8_t> bytes(512);
  MessageWriter writer(bytes);
  const Name name = *Name::FromText("a.test");
  const Name target = *Name::FromText("b.test");
  const uint8_t one[] = {10, 0, 0, 1}, two[] = {10, 0, 0, 2};
  writer.Start(1, flag::kResponse);
  writer.Question(name, type::kA, kClassIn);
  writer.Record(Section::kAnswer, name, type::kCname, 5, {.names = {&target}});
  writer.Record(Section::kAnswer, target, type::kA, 5, {.head = one});
  writer.Record(Section::kAnswer, target, type::kA, 5, {.head = two});
  const std::span<uint8_t> message(bytes.data(), writer.size());
  const AddressRun run = FindAddressRun(message);
  EXPECT_EQ(run.count, 2);
  run.Rotate(message, 1);
  EXPECT_THAT(ReadReply(message).answer,
              ElementsAre("a.test. 5 IN CNAME b.test.", "b.test. 5 IN A 10.0.0.2",
                          "b.test. 5 IN A 10.0.0.1"));
  // One of another owner.
  writer.Record(Section::kAnswer, name, type::kA, 5, {.head = one});
  EXPECT_EQ(FindAddressRun(writer.Finish()).count, 0);
  // Any bytes may be given.
  for (size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(FindAddressRun(message.first(size)).count, 0) << size;
  }
}

}  // namespace
}  // namespace skiff::dns
