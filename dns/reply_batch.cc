#include "dns/reply_batch.h"

#include <netinet/udp.h>

#include <cstring>

namespace skiff::dns {
namespace {

// Of all replies that go through the network as one: what an IP packet holds.
constexpr size_t kTogetherBytesMax = 65'000;

bool IsSame(const UdpPeer& one, const UdpPeer& other) {
  if (one.address.length != other.address.length || one.has_local != other.has_local) return false;
  if (std::memcmp(&one.address.any, &other.address.any, one.address.length) != 0) return false;
  return !one.has_local ||
         (one.local_family == other.local_family && one.interface == other.interface &&
          std::memcmp(&one.local, &other.local, sizeof one.local) == 0);
}

// Puts one control message at `*used` of `space`, which has room.
template <typename T>
void PutMessage(int level, int type, const T& value, char* space, size_t* used) {
  auto* const header = reinterpret_cast<cmsghdr*>(space + *used);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  *used += CMSG_SPACE(sizeof value);
}

void PutLocal(const UdpPeer& peer, char* space, size_t* used) {
  if (peer.local_family == AF_INET) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &peer.local, sizeof info.ipi_spec_dst);
    PutMessage(IPPROTO_IP, IP_PKTINFO, info, space, used);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = peer.local;
    info.ipi6_ifindex = peer.interface;
    PutMessage(IPPROTO_IPV6, IPV6_PKTINFO, info, space, used);
  }
}

msghdr MessageTo(const UdpPeer& peer, iovec* replies, size_t count) {
  return {.msg_name = const_cast<sockaddr*>(peer.address.get()),
          .msg_namelen = peer.address.length,
          .msg_iov = replies,
          .msg_iovlen = count};
}

}  // namespace

void SendDatagram(int fd, Bytes reply, const UdpPeer& peer) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))];
  iovec bytes{const_cast<uint8_t*>(reply.data()), reply.size()};
  msghdr message = MessageTo(peer, &bytes, 1);
  if (peer.has_local) {
    PutLocal(peer, control, &message.msg_controllen);
    message.msg_control = control;
  }
  (void)!sendmsg(fd, &message, MSG_DONTWAIT);  // Lost datagrams are asked for again.
}

ReplyBatch::ReplyBatch(size_t reply_bytes_max)
    : reply_bytes_max_(reply_bytes_max),
      bytes_(std::make_unique_for_overwrite<uint8_t[]>(kRepliesMax * reply_bytes_max)) {}

void ReplyBatch::Add(Bytes reply, const UdpPeer& peer) {
  const size_t index = count_++;
  replies_[index] = {const_cast<uint8_t*>(reply.data()), reply.size()};
  for (size_t i = group_count_; i > 0; --i) {
    Group& group = groups_[i - 1];
    if (group.reply_bytes != reply.size() || !IsSame(*group.peer, peer)) continue;
    if ((group.count + 1) * reply.size() > kTogetherBytesMax) break;
    next_[group.last] = index;
    group.last = index;
    ++group.count;
    return;
  }
  groups_[group_count_++] = {&peer, reply.size(), 1, index, index};
}

size_t ReplyBatch::PutControl(const Group& group, Control& control) {
  size_t used = 0;
  if (group.peer->has_local) PutLocal(*group.peer, control.bytes, &used);
  if (group.count > 1) {
    PutMessage(SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(group.reply_bytes), control.bytes,
               &used);
  }
  return used;
}

void ReplyBatch::Send(int fd) {
  size_t at = 0;
  for (size_t i = 0; i < group_count_; ++i) {
    const Group& group = groups_[i];
    msghdr& message = messages_[i].msg_hdr;
    message = MessageTo(*group.peer, &ordered_[at], group.count);
    for (size_t each = group.first, left = group.count; left > 0; each = next_[each], --left) {
      ordered_[at++] = replies_[each];
    }
    message.msg_controllen = PutControl(group, controls_[i]);
    if (message.msg_controllen > 0) message.msg_control = controls_[i].bytes;
  }
  for (size_t sent = 0; sent < group_count_;) {
    const int done = sendmmsg(fd, messages_.data() + sent, group_count_ - sent, MSG_DONTWAIT);
    if (done > 0) {
      sent += static_cast<size_t>(done);
    } else {
      SendApart(fd, groups_[sent++]);
    }
  }
  count_ = group_count_ = 0;
}

// Not every way to a peer takes several at once: its packets may be too small, or its device sums
// nothing up.
void ReplyBatch::SendApart(int fd, const Group& group) const {
  if (group.count == 1) return;
  for (size_t each = group.first, left = group.count; left > 0; each = next_[each], --left) {
    const auto* const bytes = static_cast<const uint8_t*>(replies_[each].iov_base);
    SendDatagram(fd, {bytes, replies_[each].iov_len}, *group.peer);
  }
}

}  // namespace skiff::dns
