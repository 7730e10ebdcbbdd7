// Replies to many datagrams, sent together: one call for all of them, and, where several replies of
// one length go to the same peer, one walk through the kernel's network for those (UDP_SEGMENT). A
// resolver that asks for many clients has most of its questions answered that way.
//
//   while (...) {
//     Bytes reply = Write(batch.Space());
//     batch.Add(reply, peer);
//   }
//   batch.Send(fd);
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "dns/query_source.h"
#include "dns/wire.h"

namespace skiff::dns {

// Sends one reply, from the address that the query came to.
void SendDatagram(int fd, Bytes reply, const UdpPeer& peer);

// Belongs to one thread.
class ReplyBatch {
 public:
  static constexpr size_t kRepliesMax = 64;

  // `reply_bytes_max`: the longest.
  explicit ReplyBatch(size_t reply_bytes_max);
  bool full() const { return count_ == kRepliesMax; }
  // For the next reply, unless it is full.
  std::span<uint8_t> Space() {
    return {bytes_.get() + count_ * reply_bytes_max_, reply_bytes_max_};
  }
  // `reply` lies in Space(); `peer` stays until Send.
  void Add(Bytes reply, const UdpPeer& peer);
  // What cannot be sent is lost: its client asks again. Empty afterwards.
  void Send(int fd);

 private:
  // Replies of one length to one peer, one after the other by `next_`.
  struct Group {
    const UdpPeer* peer = nullptr;
    size_t reply_bytes = 0;
    size_t count = 0;
    size_t first = 0;
    size_t last = 0;
  };
  // Room for the address to send from, and for the length of each of several replies.
  union Control {
    cmsghdr header;  // For its alignment.
    char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
  };
  static size_t PutControl(const Group& group, Control& control);
  void SendApart(int fd, const Group& group) const;

  const size_t reply_bytes_max_;
  const std::unique_ptr<uint8_t[]> bytes_;
  std::array<iovec, kRepliesMax> replies_{};
  std::array<size_t, kRepliesMax> next_{};
  std::array<Group, kRepliesMax> groups_{};
  size_t count_ = 0;
  size_t group_count_ = 0;
  // What the system call is given.
  std::array<iovec, kRepliesMax> ordered_{};
  std::array<mmsghdr, kRepliesMax> messages_{};
  std::array<Control, kRepliesMax> controls_{};
};

}  // namespace skiff::dns
