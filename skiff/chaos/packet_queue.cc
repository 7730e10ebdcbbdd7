#include "skiff/chaos/packet_queue.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "skiff/chaos/machine.h"
#include "skiff/chaos/plan.h"

namespace skiff::chaos {
namespace {

constexpr uint32_t kQueuedMax = 4096;  // More are dropped, as on any full link.
constexpr int kSocketBytes = 8 << 20;

template <typename Value>
void AppendBytes(std::string& to, const Value& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename Value>
std::optional<Value> ReadBytes(std::string_view from) {
  Value value;
  if (from.size() < sizeof value) return std::nullopt;
  std::memcpy(&value, from.data(), sizeof value);
  return value;
}

template <typename Value>
std::string AttributeOf(uint16_t type, const Value& value) {
  std::string text;
  AppendBytes(text, nlattr{static_cast<uint16_t>(NLA_HDRLEN + sizeof value), type});
  AppendBytes(text, value);
  text.resize(NLA_ALIGN(text.size()));
  return text;
}

std::string MessageOf(uint16_t type, int queue, uint16_t flags, const std::string& attributes) {
  std::string text;
  const auto length = NLMSG_HDRLEN + sizeof(nfgenmsg) + attributes.size();
  AppendBytes(text, nlmsghdr{static_cast<uint32_t>(length),
                             static_cast<uint16_t>(NFNL_SUBSYS_QUEUE << 8 | type),
                             static_cast<uint16_t>(NLM_F_REQUEST | flags), 0, 0});
  AppendBytes(text, nfgenmsg{AF_UNSPEC, NFNETLINK_V0, htons(static_cast<uint16_t>(queue))});
  return text + attributes;
}

tl::unexpected<Error> FailedQueue(const std::string& what, int error) {
  return Fail(Reason::kInternalError,
              fmt::format("{}: {}; does the kernel have NETLINK_QUEUE (modprobe nfnetlink_queue)?",
                          what, std::strerror(error)));
}

// Sends a request and waits for what the kernel says of it.
Result<> AskKernel(int file, const std::string& message) {
  if (send(file, message.data(), message.size(), 0) < 0) return FailedQueue("netlink", errno);
  std::array<char, 1024> buffer;
  const ssize_t size = recv(file, buffer.data(), buffer.size(), 0);
  if (size < 0) return FailedQueue("netlink", errno);
  const auto header = ReadBytes<nlmsghdr>({buffer.data(), static_cast<size_t>(size)});
  if (!header || header->nlmsg_type != NLMSG_ERROR) return FailedQueue("netlink", EPROTO);
  const auto error = ReadBytes<int32_t>(
      std::string_view(buffer.data(), static_cast<size_t>(size)).substr(NLMSG_HDRLEN));
  if (error.value_or(-EPROTO) != 0) return FailedQueue("the queue of packets", -error.value());
  return {};
}

void ReadAttribute(uint16_t type, std::string_view value, QueuedPacket& packet) {
  if (type == NFQA_PACKET_HDR) {
    const auto header = ReadBytes<nfqnl_msg_packet_hdr>(value);
    if (header) packet.id = ntohl(header->packet_id);
  } else if (type == NFQA_PAYLOAD) {
    packet.content = std::string(value);
    packet.is_v6 = !value.empty() && static_cast<unsigned char>(value[0]) >> 4 == 6;
    packet.bytes = std::max(packet.bytes, static_cast<int64_t>(value.size()));
  } else if (type == NFQA_CAP_LEN) {
    packet.bytes = ntohl(ReadBytes<uint32_t>(value).value_or(0));
  }
}

QueuedPacket ReadPacket(std::string_view attributes) {
  QueuedPacket packet;
  while (const auto header = ReadBytes<nlattr>(attributes)) {
    if (header->nla_len < NLA_HDRLEN || header->nla_len > attributes.size()) break;
    const auto value = attributes.substr(NLA_HDRLEN, header->nla_len - NLA_HDRLEN);
    ReadAttribute(header->nla_type & NLA_TYPE_MASK, value, packet);
    attributes.remove_prefix(
        std::min(attributes.size(), static_cast<size_t>(NLA_ALIGN(header->nla_len))));
  }
  return packet;
}

int RawSender(int family) {
  const int file = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  if (file < 0) return -1;
  const uint32_t mark = kOwnMarkBit;
  const int on = 1;
  setsockopt(file, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
  if (family == AF_INET6) setsockopt(file, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof on);
  return file;
}

}  // namespace

Result<PacketQueue> PacketQueue::Open(const ProcessId& of, int number) {
  const NetworkOf inside = TRY(NetworkOf::Enter(of));
  PacketQueue queue;
  queue.number_ = number;
  queue.file_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (queue.file_ < 0) return FailedQueue("netlink", errno);
  TRY(queue.Configure());
  queue.sender4_ = RawSender(AF_INET);
  queue.sender6_ = RawSender(AF_INET6);
  return queue;
}

Result<> PacketQueue::Configure() {
  // When more comes than is read, that is no error.
  const int on = 1;
  const int bytes = kSocketBytes;
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(file_, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  setsockopt(file_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto configure = [&](const std::string& attributes) {
    return AskKernel(file_, MessageOf(NFQNL_MSG_CONFIG, number_, NLM_F_ACK, attributes));
  };
  const nfqnl_msg_config_cmd bind{.command = NFQNL_CFG_CMD_BIND, ._pad = 0, .pf = 0};
  TRY(configure(AttributeOf(NFQA_CFG_CMD, bind)));
  nfqnl_msg_config_params whole{};
  whole.copy_range = htonl(0xffff);
  whole.copy_mode = NFQNL_COPY_PACKET;
  TRY(configure(AttributeOf(NFQA_CFG_PARAMS, whole) +
                AttributeOf(NFQA_CFG_QUEUE_MAXLEN, htonl(kQueuedMax))));
  fcntl(file_, F_SETFL, O_NONBLOCK);
  return {};
}

PacketQueue::PacketQueue(PacketQueue&& other) noexcept
    : number_(other.number_),
      file_(std::exchange(other.file_, -1)),
      sender4_(std::exchange(other.sender4_, -1)),
      sender6_(std::exchange(other.sender6_, -1)) {}

PacketQueue::~PacketQueue() {
  for (const int file : {file_, sender4_, sender6_}) {
    if (file >= 0) close(file);
  }
}

std::vector<QueuedPacket> PacketQueue::Take() {
  std::string buffer(1 << 18, '\0');
  const ssize_t size = recv(file_, buffer.data(), buffer.size(), 0);
  if (size <= 0) return {};
  return ParsePackets({buffer.data(), static_cast<size_t>(size)});
}

void PacketQueue::Judge(const QueuedPacket& packet, uint32_t verdict) {
  const nfqnl_msg_verdict_hdr judged{.verdict = htonl(verdict), .id = htonl(packet.id)};
  const std::string message =
      MessageOf(NFQNL_MSG_VERDICT, number_, 0, AttributeOf(NFQA_VERDICT_HDR, judged));
  // A packet whose device is gone has no verdict any more.
  (void)!send(file_, message.data(), message.size(), 0);
}

void PacketQueue::LetGo(const QueuedPacket& packet) {
  Judge(packet, NF_ACCEPT);
}

void PacketQueue::Drop(const QueuedPacket& packet) {
  Judge(packet, NF_DROP);
}

void PacketQueue::SendCopy(const QueuedPacket& packet) {
  const std::string& content = packet.content;
  if (packet.is_v6 && content.size() >= sizeof(ip6_hdr)) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, content.data() + offsetof(ip6_hdr, ip6_dst), sizeof to.sin6_addr);
    (void)!sendto(sender6_, content.data(), content.size(), 0, reinterpret_cast<sockaddr*>(&to),
                  sizeof to);
  } else if (!packet.is_v6 && content.size() >= sizeof(iphdr)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, content.data() + offsetof(iphdr, daddr), sizeof to.sin_addr);
    (void)!sendto(sender4_, content.data(), content.size(), 0, reinterpret_cast<sockaddr*>(&to),
                  sizeof to);
  }
}

std::vector<QueuedPacket> ParsePackets(std::string_view messages) {
  std::vector<QueuedPacket> packets;
  while (const auto header = ReadBytes<nlmsghdr>(messages)) {
    const size_t length = header->nlmsg_len;
    const size_t begin = NLMSG_HDRLEN + sizeof(nfgenmsg);
    if (length < begin || length > messages.size()) break;
    if (header->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) {
      packets.push_back(ReadPacket(messages.substr(begin, length - begin)));
    }
    messages.remove_prefix(std::min(messages.size(), static_cast<size_t>(NLMSG_ALIGN(length))));
  }
  return packets;
}

}  // namespace skiff::chaos
