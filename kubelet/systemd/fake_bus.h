// A bus that a thread of a test plays: it lets one peer in, and answers its calls.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kubelet/systemd/bus_message.h"

namespace skiff::kubelet {

class FakeBus {
 public:
  // What is sent for a call, the reply among it, which has what a reply needs but for values. A
  // reply whose `descriptors` is 1 takes the end of a pipe along. On the bus's thread.
  using Answers = std::function<std::vector<BusMessage>(const BusMessage& call, BusMessage reply)>;

  FakeBus(const std::string& path, Answers answers) : answers_(std::move(answers)) {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(pipe(lock_), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  void Join() { thread_.join(); }  // Once its peer hangs up.
  ~FakeBus() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) Join();
    for (const int each : {listener_, lock_[0], lock_[1]}) close(each);
  }
  FakeBus(const FakeBus&) = delete;
  FakeBus& operator=(const FakeBus&) = delete;

  // To be looked at when it has ended: what was called, and with what.
  std::vector<std::string> calls;
  std::vector<std::vector<BusMessage::Value>> arguments;

 private:
  void Serve() {
    peer_ = accept(listener_, nullptr, nullptr);
    if (Line().find("AUTH EXTERNAL ") == std::string::npos) return;
    Write("OK 1234\r\n");
    Line();
    Write("AGREE_UNIX_FD\r\n");
    Line();
    for (std::string head; Read(kBusHeadBytes, head);) {
      std::string rest;
      if (!Read(*BusMessageLength(head) - kBusHeadBytes, rest)) break;
      const auto call = DecodeBusMessage(head + rest);
      if (call) Answer(*call);
    }
    close(peer_);
  }
  void Answer(const BusMessage& call) {
    calls.push_back(call.member);
    arguments.push_back(call.values);
    const BusMessage reply{
        .type = BusMessageType::kReply, .serial = 1, .reply_serial = call.serial};
    for (const BusMessage& each : answers_(call, reply)) {
      if (each.descriptors > 0) {
        WriteWithLock(EncodeBusMessage(each));
      } else {
        Write(EncodeBusMessage(each));
      }
    }
  }
  std::string Line() {
    std::string line;
    for (std::string next; !line.ends_with("\r\n") && Read(1, next);) line += next;
    return line;
  }
  bool Read(size_t count, std::string& to) {
    to.resize(count);
    return count == 0 || recv(peer_, to.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count);
  }
  void Write(const std::string& bytes) {
    const ssize_t sent = send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // It has hung up.
    EXPECT_EQ(sent, static_cast<ssize_t>(bytes.size()));
  }
  void WriteWithLock(std::string bytes) {
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &lock_[1], sizeof(int));
    EXPECT_EQ(sendmsg(peer_, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  const Answers answers_;
  int listener_ = -1, peer_ = -1;
  int lock_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace skiff::kubelet
