#include "dns/udp_socket.h"

#include <cerrno>
#include <cstring>

namespace skiff::dns {
namespace {

// A busy socket gives way to others after so many batches.
constexpr int kBatchesPerRound = 8;

// Not a multiple of a page: queries that begin at the same offset of theirs push each other out of
// the processor's cache.
constexpr size_t kQueryStride = UdpSocket::kQueryBytesMax + 64;

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

// Where datagrams are received to.
struct UdpSocket::Queries {
  // Not cleared: what no burst has reached takes no memory.
  std::unique_ptr<uint8_t[]> bytes =
      std::make_unique_for_overwrite<uint8_t[]>(kBatch * kQueryStride);
  UdpPeer peers[kBatch];
  Control control[kBatch];
  iovec space[kBatch];
  mmsghdr messages[kBatch];

  // The first `count`, after the kernel wrote to them.
  void Prepare(size_t count, bool with_control) {
    for (size_t i = 0; i < count; ++i) {
      space[i] = {bytes.get() + i * kQueryStride, kQueryBytesMax};
      messages[i].msg_hdr = {.msg_name = &peers[i].address.any,
                             .msg_namelen = sizeof peers[i].address.v6,
                             .msg_iov = &space[i],
                             .msg_iovlen = 1,
                             .msg_control = with_control ? control[i].bytes : nullptr,
                             .msg_controllen = with_control ? kControlBytes : 0};
    }
  }
  Bytes operator[](size_t index) const {
    return {bytes.get() + index * kQueryStride, messages[index].msg_len};
  }
};

UdpSocket::UdpSocket(Poller& poller, int fd, size_t reply_bytes_max, Handle handle)
    : poller_(poller),
      fd_(fd),
      handle_(std::move(handle)),
      any_address_(AskForLocal(fd)),
      queries_(std::make_unique<Queries>()),
      replies_(reply_bytes_max) {
  queries_->Prepare(kBatch, any_address_);
  poller_.Watch(fd_, EPOLLIN, *this);
}

UdpSocket::~UdpSocket() {
  poller_.Close(fd_);
}

void UdpSocket::OnReady(uint32_t) {
  Queries& queries = *queries_;
  for (int round = 0; round < kBatchesPerRound; ++round) {
    const int received = recvmmsg(fd_, queries.messages, kBatch, MSG_DONTWAIT, nullptr);
    if (received <= 0) return;
    const auto count = static_cast<size_t>(received);
    for (size_t i = 0; i < count; ++i) {
      UdpPeer& peer = queries.peers[i];
      peer.address.length = queries.messages[i].msg_hdr.msg_namelen;
      // Nobody can be answered at port 0.
      if (peer.address.port() == 0) continue;
      if (any_address_) ReadLocal(queries.messages[i].msg_hdr, peer);
      const Bytes reply = handle_(queries[i], peer, replies_.Space());
      if (!reply.empty()) replies_.Add(reply, peer);
    }
    replies_.Send(fd_);
    queries.Prepare(count, any_address_);
    if (count < kBatch) return;
  }
}

void UdpSocket::Send(Bytes reply, const UdpPeer& peer) {
  SendDatagram(fd_, reply, peer);
}

}  // namespace skiff::dns
