#include "kubelet/systemd/bus_message.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace skiff::kubelet {
namespace {

TEST(BusMessageTest, ACallIsWhatABusExpects) {
  const std::string bytes = EncodeBusMessage({.serial = 1,
                                              .path = "/a",
                                              .interface = "b.c",
                                              .member = "D",
                                              .destination = "e.f",
                                              .values = {std::string("xy"), int32_t{1}}});
  EXPECT_EQ(Hex(bytes),
            "6c010001"  // Little-endian, a call, no flags, protocol 1.
            "0c000000"
            "01000000"
            "48000000"
            "01016f00"
            "02000000"
            "2f610000"
            "00000000"
            "02017300"
            "03000000"
            "622e6300"
            "00000000"
            "03017300"
            "01000000"
            "44000000"
            "00000000"
            "06017300"
            "03000000"
            "652e6600"
            "00000000"
            "08016700"
            "02736900"
            "02000000"
            "78790000"
            "01000000");
}

TEST(BusMessageTest, WhatWasWrittenCanBeRead) {
  BusMessage message{.type = BusMessageType::kReply,
                     .serial = 7,
                     .sender = ":1.3",
                     .reply_serial = 5,
                     .descriptors = 1,
                     .values = {true, uint32_t{3}, uint64_t{1} << 40, std::string("text"),
                                BusMessage::Descriptor{0}}};
  const std::string bytes = EncodeBusMessage(message);
  ASSERT_EQ(*BusMessageLength(bytes), bytes.size());
  const auto read = DecodeBusMessage(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, BusMessageType::kReply);
  EXPECT_EQ(read->sender, ":1.3");
  EXPECT_EQ(read->reply_serial, 5u);
  EXPECT_EQ(read->descriptors, 1u);
  EXPECT_EQ(read->values, message.values);
}

TEST(BusMessageTest, WhatIsNoneIsRefused) {
  std::string bytes = EncodeBusMessage({.serial = 1, .path = "/a", .values = {std::string("xy")}});
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeBusMessage(std::string_view(bytes).substr(0, length))) << length;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string broken = bytes;
    broken[i] = static_cast<char>(0xFF);
    (void)DecodeBusMessage(broken);  // Whatever it says, nothing is read beyond its end.
  }
  bytes[0] = 'B';
  EXPECT_FALSE(BusMessageLength(bytes));
}

}  // namespace
}  // namespace skiff::kubelet
