// Any bytes may come in, from clients and from upstream servers: nothing crashes, and what goes out
// is always a well-formed message. Seeded, so that a failure comes back.
#include <gmock/gmock.h>

#include <random>

#include "dns/answer.h"
#include "dns/cache.h"
#include "dns/ready_answers.h"
#include "dns/test_messages.h"
#include "dns/test_world.h"
#include "dns/upstream_message.h"

namespace skiff::dns {
namespace {

using Engine = std::mt19937_64;

// Changes some bytes, cuts, or appends: most of the message stays, so that its depths are reached.
void Mutate(Engine& random, std::vector<uint8_t>& bytes) {
  constexpr uint8_t kTelling[] = {0x00, 0x01, 0x0C, 0x3F, 0x40, 0x80, 0xC0, 0xFF};
  for (uint64_t left = random() % 4 + 1; left > 0 && !bytes.empty(); --left) {
    const size_t at = random() % bytes.size();
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        bytes[at] = kTelling[random() % std::size(kTelling)];
        break;
      case 2:
        bytes[at] ^= static_cast<uint8_t>(1 << random() % 8);
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.insert(bytes.end(), random() % 20, static_cast<uint8_t>(random()));
        break;
      default:
        // A piece of the message once more, elsewhere.
        for (size_t i = 0; i < 12 && at + i < bytes.size(); ++i) {
          bytes[at + i] = bytes[random() % bytes.size()];
        }
    }
  }
}

TEST(RobustnessTest, NoQueryBreaksTheServerAndEveryReplyIsWellFormed) {
  const auto view = SmallView();
  ZoneOptions options;
  options.zone = *Name::FromText("cluster.local");
  std::vector<uint8_t> space(kMessageBytesMax);
  const std::vector<std::vector<uint8_t>> seeds = {
      MakeQuery({.name = "web.default.svc.cluster.local"}),
      MakeQuery({.name = "db.default.svc.cluster.local", .type = type::kSrv, .udp_bytes = 1232}),
      MakeQuery({.name = "ext.default.svc.cluster.local", .type = type::kAny}),
      MakeQuery({.name = "1.0.0.10.in-addr.arpa", .type = type::kPtr, .udp_bytes = 512}),
      MakeQuery({.name = "cluster.local", .type = type::kSoa, .dnssec_ok = true}),
      MakeQuery({.name = "10-1-2-3.default.pod.cluster.local"})};
  Engine random(20250101);
  int replies = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::vector<uint8_t> bytes = seeds[random() % seeds.size()];
    Mutate(random, bytes);
    const bool tcp = random() % 2 == 0;
    Query query;
    const Outcome outcome = Answer(bytes, random() % 50 == 0 ? nullptr : view.get(), options, tcp,
                                   random(), space, &query);
    if (outcome.kind != Outcome::Kind::kReply) continue;
    ++replies;
    const TestReply reply = ReadReply(outcome.message);
    ASSERT_TRUE(reply.parsed) << "round " << i;
    ASSERT_EQ(reply.id, Get16(bytes, 0));
    ASSERT_LE(outcome.message.size(), tcp ? kMessageBytesMax : options.udp_bytes_max);
  }
  EXPECT_GT(replies, 50'000);
}

TEST(RobustnessTest, WhatIsGivenAgainSaysTheSameInAnyOrder) {
  const auto view = SmallView();
  ZoneOptions options;
  options.zone = *Name::FromText("cluster.local");
  std::vector<uint8_t> space(kMessageBytesMax), again_space(kMessageBytesMax);
  const std::vector<std::vector<uint8_t>> seeds = {
      MakeQuery({.name = "db.default.svc.cluster.local"}),
      MakeQuery({.name = "ext.default.svc.cluster.local", .udp_bytes = 1232}),
      MakeQuery({.name = "web.default.svc.cluster.local", .type = type::kAny})};
  ReadyAnswers ready;
  Engine random(13);
  int repeated = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::vector<uint8_t> bytes = seeds[random() % seeds.size()];
    if (random() % 4 != 0) Mutate(random, bytes);
    Query query;
    const Outcome outcome = Answer(bytes, view.get(), options, false, random(), space, &query);
    if (outcome.kind != Outcome::Kind::kReply) continue;
    ready.Put(bytes, outcome.message, 1, 1s, kNever);
    const Bytes again = ready.Find(bytes, 1, 1s, random(), again_space);
    if (again.empty()) continue;  // Too long.
    ++repeated;
    const TestReply first = ReadReply(outcome.message), second = ReadReply(again);
    ASSERT_EQ(second.bytes, first.bytes) << "round " << i;
    ASSERT_EQ(second.id, first.id);
    ASSERT_EQ(second.rcode, first.rcode);
    ASSERT_EQ(second.question, first.question);
    ASSERT_THAT(second.answer, ::testing::UnorderedElementsAreArray(first.answer));
    ASSERT_EQ(second.authority, first.authority);
  }
  EXPECT_GT(repeated, 20'000);
}

TEST(RobustnessTest, PureNoiseIsAnsweredWithFormErrOrNotAtAll) {
  ZoneOptions options;
  options.zone = *Name::FromText("cluster.local");
  std::vector<uint8_t> space(kMessageBytesMax);
  Engine random(7);
  for (int i = 0; i < 100'000; ++i) {
    std::vector<uint8_t> bytes(random() % 100);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    Query query;
    const Outcome outcome = Answer(bytes, nullptr, options, false, random(), space, &query);
    if (outcome.kind == Outcome::Kind::kReply) {
      ASSERT_TRUE(ReadReply(outcome.message).parsed);
    }
  }
}

TEST(RobustnessTest, NoUpstreamAnswerBreaksTheServer) {
  // An answer with every layout of names in it.
  std::vector<uint8_t> answer(kMessageBytesMax);
  MessageWriter writer(answer);
  const Name name = *Name::FromText("www.example.com");
  const Name target = *Name::FromText("a.example.com");
  const uint8_t numbers[20] = {};
  const Bytes all(numbers);
  writer.Start(9, flag::kResponse);
  writer.Question(name, type::kA, kClassIn);
  writer.Record(Section::kAnswer, name, type::kCname, 60, {.names = {&target}});
  for (int i = 0; i < 4; ++i) {
    writer.Record(Section::kAnswer, target, type::kA, 60, {.head = all.first(4)});
  }
  writer.Record(Section::kAnswer, target, type::kMx, 60, {.head = all.first(2), .names = {&name}});
  writer.Record(Section::kAnswer, target, type::kNaptr, 60,
                {.head = all.first(7), .names = {&name}});
  writer.Record(Section::kAuthority, target, type::kSoa, 60,
                {.names = {&name, &target}, .tail = all});
  writer.Record(Section::kAdditional, target, type::kSrv, 60,
                {.head = all.first(6), .names = {&name}, .compress = false});
  writer.Opt(1232, true, 0);
  answer.resize(writer.size());

  ZoneOptions options;
  std::vector<uint8_t> space(kMessageBytesMax);
  Query query;
  ASSERT_EQ(ParseQuery(MakeQuery({.name = "wWw.example.com", .udp_bytes = 512}), &query),
            QueryFault::kNone);
  Engine random(11);
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::vector<uint8_t> bytes = answer;
    Mutate(random, bytes);
    (void)JudgeUpstreamAnswer(bytes, {name, type::kA}, 9, true);  // That it returns is the point.
    const auto made = CachedMessage::Make(bytes, name, type::kA, 0s, {});
    if (!made) continue;
    ++taken;
    const bool tcp = random() % 2 == 0;
    ASSERT_TRUE(IsWellFormed(made->Reply(query, options, tcp, 70s, random(), space))) << i;
    ASSERT_TRUE(IsWellFormed(made->ReplyBehind({target, name}, query, options, tcp, 3s, space)))
        << i;
  }
  EXPECT_GT(taken, 10'000);
}

}  // namespace
}  // namespace skiff::dns
