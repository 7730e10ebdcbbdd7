// One thread's UDP socket: takes datagrams and sends replies many at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "dns/poller.h"
#include "dns/query_source.h"
#include "dns/reply_batch.h"
#include "dns/wire.h"

namespace skiff::dns {

class UdpSocket final : public Pollable {
 public:
  // Longer queries are cut, and so found malformed.
  static constexpr size_t kQueryBytesMax = 4096;
  static constexpr size_t kBatch = ReplyBatch::kRepliesMax;

  // Writes the reply to `space` and returns it; empty: none, or not now.
  using Handle = std::function<Bytes(Bytes query, const UdpPeer& peer, std::span<uint8_t> space)>;
  // Owns `fd`, which is bound. `reply_bytes_max`: what `handle` may use of its space.
  UdpSocket(Poller& poller, int fd, size_t reply_bytes_max, Handle handle);
  ~UdpSocket() override;
  void OnReady(uint32_t events) override;
  // A reply that took longer.
  void Send(Bytes reply, const UdpPeer& peer);

 private:
  struct Queries;
  Poller& poller_;
  const int fd_;
  const Handle handle_;
  const bool any_address_;  // Bound to all: each datagram must say which one it came to.
  std::unique_ptr<Queries> queries_;
  ReplyBatch replies_;
};

}  // namespace skiff::dns
