#include "kubelet/simulation/simulated_forward.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "http/test_client.h"
#include "http/test_server.h"
#include "kubelet/simulation/channel_messages.h"

namespace skiff::kubelet {
namespace {

using http::testing::Fixture;
using http::testing::TestClient;

Fixture PortServer() {
  return Fixture([](const http::Request& request) {
    return AnswerSimulatedForward(request, [](const std::string& port, std::string_view bytes) {
      return fmt::format("{} heard {}", port, bytes);
    });
  });
}

std::string Handshake(const std::string& query, const std::string& protocol) {
  return fmt::format(
      "GET /portForward/default/web{} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
      query, protocol);
}

// As clients frame: masked, here with zeros. Short ones alone.
std::string Frame(int opcode, const std::string& payload) {
  return std::string{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size())} +
         std::string(4, '\0') + payload;
}

std::string FromServer(int opcode, const std::string& payload) {
  return std::string{static_cast<char>(0x80 | opcode), static_cast<char>(payload.size())} + payload;
}

TEST(SimulatedForward, AWebSocketHasAPairOfChannelsForEachPort) {
  auto fixture = PortServer();
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(Handshake("?port=80&port=8443", "v4.channel.k8s.io")));
  EXPECT_EQ(client.ReadHead().status, 101);
  // Each channel begins with its port, the lower byte first.
  const std::string greeting = FromServer(2, std::string("\0\x50\0", 3)) +
                               FromServer(2, std::string("\1\x50\0", 3)) +
                               FromServer(2, "\x02\xfb\x20") + FromServer(2, "\x03\xfb\x20");
  EXPECT_EQ(client.Read(greeting.size()), greeting);
  ASSERT_TRUE(client.Send(Frame(2, "\x02hello")));
  const std::string heard = FromServer(2, "\x02" "8443 heard hello");
  EXPECT_EQ(client.Read(heard.size()), heard);
  // HTTP is answered when its head is there; then nothing is left open.
  ASSERT_TRUE(client.Send(Frame(2, std::string("\0GET / HTTP/1.1\r\n", 17))));
  ASSERT_TRUE(client.Send(Frame(2, std::string("\0\r\n", 3))));
  const std::string page =
      FromServer(2, std::string("\0", 1) + "80 heard GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.Read(page.size()), page);
  EXPECT_EQ(client.Read(4), "\x88\x02\x03\xe8");
}

TEST(SimulatedForward, WhereAllIsTextChannelsAreDigitsBeforeBase64) {
  auto fixture = PortServer();
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(Handshake("?port=80", "v4.base64.channel.k8s.io")));
  EXPECT_EQ(client.ReadHead().status, 101);
  const std::string greeting = FromServer(1, "0UAA=") + FromServer(1, "1UAA=");
  EXPECT_EQ(client.Read(greeting.size()), greeting);
  ASSERT_TRUE(client.Send(Frame(1, "0aGVsbG8=")));
  const std::string heard = FromServer(1, "0ODAgaGVhcmQgaGVsbG8=");
  EXPECT_EQ(client.Read(heard.size()), heard);
}

TEST(SimulatedForward, RefusesInTheKubeletsWords) {
  auto fixture = PortServer();
  const auto ask = [&](const std::string& query) {
    TestClient client(fixture.port());
    const auto answer = client.Ask(Handshake(query, "v4.channel.k8s.io"));
    EXPECT_EQ(answer.status(), 400) << query;
    return answer.body;
  };
  EXPECT_EQ(ask(""), "query parameter \"port\" is required");
  EXPECT_EQ(ask("?port="), "query parameter \"port\" cannot be empty");
  EXPECT_EQ(ask("?port=80,x"),
            "unable to parse \"80,x\" as a port: strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(ask("?port=65536"),
            "unable to parse \"65536\" as a port: strconv.ParseUint: parsing \"65536\": value out "
            "of range");
  EXPECT_EQ(ask("?port=0"), "port \"0\" must be > 0");
  EXPECT_EQ(TestClient(fixture.port()).Ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body,
            "Upgrade request required");
}

TEST(ChannelMessages, WhatCannotBeReadIsNoMessage) {
  const ChannelMessages binary("v4.channel.k8s.io");
  EXPECT_FALSE(binary.Read(""));
  EXPECT_EQ(binary.Read("\x02")->channel, 2);
  const ChannelMessages text("base64.channel.k8s.io");
  EXPECT_TRUE(text.is_text());
  EXPECT_FALSE(text.Read("0*"));
  EXPECT_FALSE(text.Read("!aGVsbG8="));
  EXPECT_EQ(text.Read("3aGVsbG8=")->bytes, "hello");
}

}  // namespace
}  // namespace skiff::kubelet
