#include "dns/udp_socket.h"

#include <cerrno>
#include <cstring>
#include <vector>

namespace skiff::dns {
namespace {

// A busy socket gives way to others after so many batches.
constexpr int kBatchesPerRound = 8;

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

union Control {
  cmsghdr header;  // For its alignment.
  char bytes[kControlBytes];
};

void ReadLocal(const msghdr& message, UdpPeer& peer) {
  peer.has_local = false;
  auto* mutable_message = const_cast<msghdr*>(&message);
  for (cmsghdr* each = CMSG_FIRSTHDR(mutable_message); each != nullptr;
       each = CMSG_NXTHDR(mutable_message, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      std::memcpy(&peer.local, &info.ipi_addr, sizeof info.ipi_addr);
      peer.local_family = AF_INET;
      peer.has_local = true;
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      peer.local = info.ipi6_addr;
      peer.interface = IN6_IS_ADDR_LINKLOCAL(&peer.local) ? info.ipi6_ifindex : 0;
      peer.local_family = AF_INET6;
      peer.has_local = true;
    }
  }
}

void WriteLocal(const UdpPeer& peer, msghdr& message, Control& control) {
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  if (!peer.has_local) return;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (peer.local_family == AF_INET) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &peer.local, sizeof info.ipi_spec_dst);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = peer.local;
    info.ipi6_ifindex = peer.interface;
    header->cmsg_level = IPPROTO_IPV6;
    header->cmsg_type = IPV6_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  }
}

bool AskForLocal(int fd) {
  const SocketAddress address = LocalAddress(fd);
  if (!address.is_wildcard()) return false;
  const int one = 1;
  if (address.family() == AF_INET) {
    CHECK(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) == 0);
  } else {
    CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) == 0);
  }
  return true;
}

}  // namespace

struct UdpSocket::Batch {
  explicit Batch(size_t reply_bytes_max)
      : reply_bytes(reply_bytes_max),
        queries(kBatch * kQueryBytesMax),
        replies(kBatch * reply_bytes_max) {}

  const size_t reply_bytes;
  std::vector<uint8_t> queries;
  std::vector<uint8_t> replies;
  UdpPeer peers[kBatch];
  Control in_control[kBatch];
  Control out_control[kBatch];
  iovec in_bytes[kBatch];
  iovec out_bytes[kBatch];
  mmsghdr in[kBatch];
  mmsghdr out[kBatch];

  void PrepareToReceive(bool with_control) {
    for (size_t i = 0; i < kBatch; ++i) {
      in_bytes[i] = {queries.data() + i * kQueryBytesMax, kQueryBytesMax};
      in[i].msg_hdr = {.msg_name = &peers[i].address.any,
                       .msg_namelen = sizeof peers[i].address.v6,
                       .msg_iov = &in_bytes[i],
                       .msg_iovlen = 1,
                       .msg_control = with_control ? in_control[i].bytes : nullptr,
                       .msg_controllen = with_control ? kControlBytes : 0};
    }
  }
  std::span<uint8_t> ReplySpace(size_t index) {
    return {replies.data() + index * reply_bytes, reply_bytes};
  }
  void PrepareToSend(size_t index, Bytes reply, UdpPeer& peer) {
    out_bytes[index] = {const_cast<uint8_t*>(reply.data()), reply.size()};
    out[index].msg_hdr = {.msg_name = &peer.address.any,
                          .msg_namelen = peer.address.length,
                          .msg_iov = &out_bytes[index],
                          .msg_iovlen = 1};
    WriteLocal(peer, out[index].msg_hdr, out_control[index]);
  }
};

UdpSocket::UdpSocket(Poller& poller, int fd, size_t reply_bytes_max, Handle handle)
    : poller_(poller),
      fd_(fd),
      handle_(std::move(handle)),
      any_address_(AskForLocal(fd)),
      batch_(std::make_unique<Batch>(reply_bytes_max)) {
  poller_.Watch(fd_, EPOLLIN, *this);
}

UdpSocket::~UdpSocket() {
  poller_.Close(fd_);
}

void UdpSocket::OnReady(uint32_t) {
  Batch& batch = *batch_;
  for (int round = 0; round < kBatchesPerRound; ++round) {
    batch.PrepareToReceive(any_address_);
    const int count = recvmmsg(fd_, batch.in, kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) return;
    size_t replies = 0;
    for (int i = 0; i < count; ++i) {
      UdpPeer& peer = batch.peers[i];
      peer.address.length = batch.in[i].msg_hdr.msg_namelen;
      // Nobody can be answered at port 0.
      if (peer.address.port() == 0) continue;
      if (any_address_) ReadLocal(batch.in[i].msg_hdr, peer);
      const Bytes query(batch.queries.data() + i * kQueryBytesMax, batch.in[i].msg_len);
      const Bytes reply = handle_(query, peer, batch.ReplySpace(replies));
      if (!reply.empty()) batch.PrepareToSend(replies++, reply, peer);
    }
    for (size_t sent = 0; sent < replies;) {
      const int done = sendmmsg(fd_, batch.out + sent, replies - sent, MSG_DONTWAIT);
      // The first one could not be sent: its client asks again.
      sent += done > 0 ? done : 1;
    }
    if (static_cast<size_t>(count) < kBatch) return;
  }
}

void UdpSocket::Send(Bytes reply, const UdpPeer& peer) {
  Control control;
  iovec bytes{const_cast<uint8_t*>(reply.data()), reply.size()};
  msghdr message{.msg_name = const_cast<sockaddr*>(peer.address.get()),
                 .msg_namelen = peer.address.length,
                 .msg_iov = &bytes,
                 .msg_iovlen = 1};
  WriteLocal(peer, message, control);
  (void)!sendmsg(fd_, &message, MSG_DONTWAIT);  // Lost datagrams are asked for again.
}

}  // namespace skiff::dns
