// Names, queries and messages at the byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/query.h"
#include "dns/test_messages.h"

namespace skiff::dns {
namespace {

using ::testing::ElementsAre;

std::vector<uint8_t> Raw(std::initializer_list<int> bytes) {
  std::vector<uint8_t> raw(kHeaderBytes);
  for (const int byte : bytes) raw.push_back(static_cast<uint8_t>(byte));
  return raw;
}

TEST(NameTest, TextAndWireSayTheSame) {
  const auto name = Name::FromText("Web.default.");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->view(), std::string_view("\3Web\7default\0", 13));
  EXPECT_EQ(name->Text(), "Web.default.");
  EXPECT_EQ(Name::FromText("Web.default")->Text(), "Web.default.");
  EXPECT_EQ(Name::FromText(".")->Text(), ".");
  EXPECT_EQ(Name::FromText("a\\.b\\007.c")->Text(), "a\\.b\\007.c.");
}

TEST(NameTest, WhatIsNoNameIsRefused) {
  for (const char* text : {"", "a..b", ".a", "a\\", "a\\25", "a\\256"}) {
    EXPECT_FALSE(Name::FromText(text)) << text;
  }
  EXPECT_TRUE(Name::FromText(std::string(63, 'a')));
  EXPECT_FALSE(Name::FromText(std::string(64, 'a')));
  std::string longest;
  for (int i = 0; i < 3; ++i) longest += std::string(63, 'a') + ".";
  EXPECT_TRUE(Name::FromText(longest + std::string(61, 'b')));
  EXPECT_FALSE(Name::FromText(longest + std::string(62, 'b')));
}

TEST(NameTest, AnEndIsOneOfWholeLabels) {
  const Name zone = *Name::FromText("cluster.local");
  EXPECT_TRUE(Name::FromText("a.cluster.local")->EndsWith(zone));
  EXPECT_TRUE(zone.EndsWith(zone));
  EXPECT_FALSE(Name::FromText("acluster.local")->EndsWith(zone));
  EXPECT_FALSE(Name::FromText("local")->EndsWith(zone));
  // The bytes of the zone, length and all, as the end of one label.
  Name disguised;
  ASSERT_TRUE(disguised.AddLabel(std::string("x\7cluster\5local", 15)));
  EXPECT_FALSE(disguised.EndsWith(zone));
}

TEST(NameTest, PointersLeadBackOnly) {
  Name name;
  // "b" at 12, then "a" and a pointer to it.
  const auto good = Raw({1, 'b', 0, 1, 'a', 0xC0, 12});
  size_t at = 15;
  ASSERT_TRUE(Name::Read(good, &at, &name));
  EXPECT_EQ(name.Text(), "a.b.");
  EXPECT_EQ(at, good.size());
  const auto refused = [&](const std::vector<uint8_t>& message, size_t from = kHeaderBytes) {
    size_t offset = from;
    return !Name::Read(message, &offset, &name);
  };
  EXPECT_TRUE(refused(Raw({0xC0, 12})));                     // To itself.
  EXPECT_TRUE(refused(Raw({0xC0, 14, 0xC0, 12})));           // In a circle.
  EXPECT_TRUE(refused(Raw({1, 'a', 0xC0, 12})));             // Into its own labels.
  EXPECT_TRUE(refused(Raw({0xC0, 20})));                     // Behind the end.
  EXPECT_TRUE(refused(Raw({0xC0, 0})));                      // Into the header.
  EXPECT_TRUE(refused(Raw({1, 'a', 0, 1, 'b', 0xC0}), 15));  // Half a pointer.
  EXPECT_TRUE(refused(Raw({5, 'a', 'b'})));                  // Half a label.
  EXPECT_TRUE(refused(Raw({1, 'a'})));                       // No end.
  EXPECT_TRUE(refused(Raw({0x40, 'a', 0})));                 // An unknown kind of label.
  EXPECT_TRUE(refused(Raw({0x80, 'a', 0})));
}

TEST(NameTest, PointersCannotMakeANameTooLong) {
  // Each name is a label of 60 and a pointer to the one before.
  std::vector<uint8_t> message(kHeaderBytes);
  message.push_back(0);
  size_t last = kHeaderBytes;
  Name name;
  int readable = 0;
  for (int i = 0; i < 8; ++i) {
    const size_t begin = message.size();
    message.push_back(60);
    message.insert(message.end(), 60, 'x');
    message.push_back(static_cast<uint8_t>(0xC0 | last >> 8));
    message.push_back(static_cast<uint8_t>(last));
    last = begin;
    size_t at = begin;
    readable += Name::Read(message, &at, &name);
  }
  EXPECT_EQ(readable, 4);
}

TEST(NameTest, AChainOfPointersIsFollowedForSoLong) {
  std::vector<uint8_t> message = Raw({1, 'a', 0});
  size_t last = kHeaderBytes;
  Name name;
  int readable = 0;
  for (int i = 0; i < 1000; ++i) {
    size_t at = message.size();
    message.push_back(static_cast<uint8_t>(0xC0 | last >> 8));
    message.push_back(static_cast<uint8_t>(last));
    last = at;
    readable += Name::Read(message, &at, &name);
  }
  EXPECT_EQ(readable, 127);
}

TEST(QueryTest, AQueryIsTakenApart) {
  Query query;
  const auto bytes = MakeQuery(
      {.name = "WWW.example.COM", .type = type::kAaaa, .udp_bytes = 1400, .dnssec_ok = true});
  ASSERT_EQ(ParseQuery(bytes, &query), QueryFault::kNone);
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_EQ(query.name.Text(), "WWW.example.COM.");
  EXPECT_EQ(query.lower.Text(), "www.example.com.");
  EXPECT_EQ(query.type, type::kAaaa);
  EXPECT_TRUE(query.edns);
  EXPECT_EQ(query.udp_bytes_max, 1400);
  EXPECT_TRUE(query.dnssec_ok);
}

TEST(QueryTest, WhatIsMalformedIsToldApart) {
  Query query;
  auto bytes = MakeQuery({.name = "a.example", .udp_bytes = 1232});
  const auto fault = [&](std::vector<uint8_t> changed) {
    query = Query();
    return ParseQuery(changed, &query);
  };
  EXPECT_EQ(fault({}), QueryFault::kNotAQuery);
  EXPECT_EQ(fault(std::vector<uint8_t>(11)), QueryFault::kNotAQuery);
  auto changed = bytes;
  changed[2] |= 0x80;
  EXPECT_EQ(fault(changed), QueryFault::kNotAQuery);
  changed = bytes;
  changed[2] |= 0x28;  // UPDATE
  EXPECT_EQ(fault(changed), QueryFault::kNotImp);
  changed = bytes;
  changed[5] = 0;  // No question.
  EXPECT_EQ(fault(changed), QueryFault::kFormErr);
  changed[5] = 2;
  EXPECT_EQ(fault(changed), QueryFault::kFormErr);
  for (size_t size = kHeaderBytes; size < bytes.size(); ++size) {
    EXPECT_EQ(fault({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)}),
              QueryFault::kFormErr)
        << size;
  }
  changed = bytes;
  changed.push_back(0);  // Something behind the last record.
  EXPECT_EQ(fault(changed), QueryFault::kFormErr);
  changed = bytes;
  changed.insert(changed.end(), bytes.end() - kOptBytes, bytes.end());
  changed[11] = 2;  // EDNS twice.
  EXPECT_EQ(fault(changed), QueryFault::kFormErr);
  changed = bytes;
  changed[changed.size() - 5] = 1;  // Version of EDNS.
  EXPECT_EQ(fault(changed), QueryFault::kBadVersion);
}

TEST(MessageWriterTest, NamesAreWrittenOnce) {
  std::vector<uint8_t> space(512);
  MessageWriter writer(space);
  writer.Start(1, flag::kResponse);
  const Name name = *Name::FromText("a.a.example");
  const Name other = *Name::FromText("b.a.example");
  ASSERT_TRUE(writer.Question(name, type::kCname, kClassIn));
  const size_t question_end = writer.size();
  ASSERT_TRUE(writer.Record(Section::kAnswer, name, type::kCname, 5, {.names = {&other}}));
  // Pointer, ten bytes, one label, pointer.
  EXPECT_EQ(writer.size() - question_end, 2u + 10 + 2 + 2);
  const TestReply reply = ReadReply(writer.Finish());
  EXPECT_THAT(reply.answer, ElementsAre("a.a.example. 5 IN CNAME b.a.example."));
}

// The length of what a pointer leads to is that of the whole name, though a pointer stands in it.
TEST(MessageWriterTest, EndsOfNamesAreFoundByTheirLengths) {
  std::vector<uint8_t> space(512);
  MessageWriter writer(space);
  writer.Start(1, flag::kResponse);
  const Name name = *Name::FromText("a.a.a.a");
  const Name longer = *Name::FromText("b.a.a.a");
  const Name again = *Name::FromText("c.b.a.a.a");
  const Name other = *Name::FromText("a.a.a.x");
  ASSERT_TRUE(writer.Question(name, type::kPtr, kClassIn));
  std::vector<size_t> bytes;
  for (const Name* each : {&longer, &again, &other}) {
    const size_t before = writer.size();
    ASSERT_TRUE(writer.Record(Section::kAnswer, name, type::kPtr, 5, {.names = {each}}));
    bytes.push_back(writer.size() - before - 12);
  }
  // A label and a pointer, twice; nothing that ends otherwise.
  EXPECT_THAT(bytes, ElementsAre(4u, 4u, 9u));
  EXPECT_THAT(ReadReply(writer.Finish()).answer,
              ElementsAre("a.a.a.a. 5 IN PTR b.a.a.a.", "a.a.a.a. 5 IN PTR c.b.a.a.a.",
                          "a.a.a.a. 5 IN PTR a.a.a.x."));
}

TEST(MessageWriterTest, ARecordIsWrittenWholeOrNotAtAll) {
  const Name name = *Name::FromText("a.example");
  const std::vector<uint8_t> data(100);
  for (size_t limit = kHeaderBytes; limit < 200; ++limit) {
    std::vector<uint8_t> space(limit);
    MessageWriter writer(space);
    writer.Start(1, flag::kResponse);
    const bool question = writer.Question(name, type::kTxt, kClassIn);
    const size_t before = writer.size();
    const bool record =
        writer.Record(Section::kAnswer, name, type::kHinfo, 5, {.head = {data.data(), 100}});
    EXPECT_EQ(question, limit >= kHeaderBytes + 15) << limit;
    if (question) {
      EXPECT_EQ(record, limit >= before + 112) << limit;
      EXPECT_EQ(writer.size(), record ? before + 112 : before);
    }
    EXPECT_EQ(Get16(writer.Finish(), 6), record ? 1 : 0);
  }
}

}  // namespace
}  // namespace skiff::dns
