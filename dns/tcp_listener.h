// DNS over TCP (RFC 7766) for one thread: many queries on a connection at once, answers in the
// order they become known, idle connections closed.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dns/client_shares.h"
#include "dns/poller.h"
#include "dns/socket_address.h"
#include "dns/wire.h"

namespace skiff::dns {

class TcpConnection;

struct TcpLimits {
  size_t connections_max = 512;         // Then one of whoever has most makes room.
  size_t pending_max = 100;             // Unanswered queries at which a connection is read no more.
  // Waiting answers at which it is read no more. When one comes late to twice as many, it is
  // closed.
  size_t unsent_bytes_max = 256 << 10;
  Duration idle_timeout = 10s;          // Without a byte either way while nothing is pending.
};

class TcpListener final : public Pollable {
 public:
  // Writes the reply to `space` (kMessageBytesMax) and returns it. Empty and `*later` true: it
  // comes by TcpConnection::Send; empty otherwise: none comes.
  using Handle = std::function<Bytes(Bytes query, const std::shared_ptr<TcpConnection>& from,
                                     std::span<uint8_t> space, bool* later)>;
  // Owns `fd`, which listens.
  TcpListener(Poller& poller, int fd, TcpLimits limits, Handle handle);
  ~TcpListener() override;
  void OnReady(uint32_t events) override;
  void OnDue() override;
  size_t connections() const { return connections_.size(); }

 private:
  friend class TcpConnection;
  // Whether one more connection of that client is let in: where there are as many as may be, the
  // oldest of who has most makes room.
  bool HasRoomFor(const IpAddress& client);
  void Forget(TcpConnection* connection);

  Poller& poller_;
  const int fd_;
  const TcpLimits limits_;
  const Handle handle_;
  std::vector<uint8_t> reply_space_;
  uint64_t accepted_ = 0;
  ClientShares shares_;  // Of the connections.
  std::unordered_map<TcpConnection*, std::shared_ptr<TcpConnection>> connections_;
};

class TcpConnection final : public Pollable, public std::enable_shared_from_this<TcpConnection> {
 public:
  TcpConnection(TcpListener& owner, int fd, const SocketAddress& peer, uint64_t number);
  ~TcpConnection() override;
  void Start();
  void OnReady(uint32_t events) override;
  void OnDue() override { Close(); }
  const SocketAddress& peer() const { return peer_; }
  // How many were accepted before it.
  uint64_t number() const { return number_; }
  // Queries and replies that it holds in memory, and what has gone of these.
  size_t kept_bytes() const { return in_.size() + out_.size(); }
  // The answer to one of its pending queries.
  void Send(Bytes reply);
  void Close();

 private:
  void Receive();
  // Handles whole queries that have arrived, as many as may be pending.
  void HandleReceived();
  void Append(Bytes reply);
  void Flush();
  void DropSent();
  // Watches for what can go on, and closes what is over.
  void Settle();
  bool MayRead() const;

  TcpListener& owner_;
  int fd_;
  const SocketAddress peer_;
  const uint64_t number_;
  uint32_t watched_ = 0;
  bool ended_ = false;     // The client sends no more.
  bool settling_ = false;  // Queries are being handled.
  size_t pending_ = 0;
  std::vector<uint8_t> in_;
  std::vector<uint8_t> out_;
  size_t out_sent_ = 0;
};

}  // namespace skiff::dns
