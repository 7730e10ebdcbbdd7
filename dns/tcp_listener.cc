#include "dns/tcp_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace skiff::dns {
namespace {

constexpr size_t kReadBytes = 16 << 10;
// How long no connection is accepted after the process ran out of descriptors.
constexpr Duration kAcceptPause = 1s;

}  // namespace

TcpListener::TcpListener(Poller& poller, int fd, TcpLimits limits, Handle handle)
    : poller_(poller),
      fd_(fd),
      limits_(limits),
      handle_(std::move(handle)),
      reply_space_(kMessageBytesMax) {
  poller_.Watch(fd_, EPOLLIN, *this);
}

TcpListener::~TcpListener() {
  poller_.SetDue(*this, kNever);
  connections_.clear();
  poller_.Close(fd_);
}

void TcpListener::OnReady(uint32_t) {
  while (true) {
    SocketAddress peer;
    peer.length = sizeof peer.v6;
    const int fd = accept4(fd_, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
      poller_.Change(fd_, 0, *this);
      return poller_.SetDue(*this, poller_.now() + kAcceptPause);
    }
    if (!HasRoomFor(peer.ip())) {
      close(fd);
      continue;
    }
    auto connection = std::make_shared<TcpConnection>(*this, fd, peer, accepted_++);
    connections_[connection.get()] = connection;
    shares_.Add(peer.ip());
    connection->Start();
  }
}

void TcpListener::OnDue() {
  poller_.Change(fd_, EPOLLIN, *this);
}

bool TcpListener::HasRoomFor(const IpAddress& client) {
  if (connections_.size() < limits_.connections_max) return true;
  const auto who = shares_.WhoMakesRoomFor(client);
  if (!who) return false;
  TcpConnection* oldest = nullptr;
  for (const auto& [connection, owned] : connections_) {
    const bool is_older = oldest == nullptr || connection->number() < oldest->number();
    if (is_older && connection->peer().ip() == *who) oldest = connection;
  }
  oldest->Close();
  return true;
}

void TcpListener::Forget(TcpConnection* connection) {
  const auto self = connections_.extract(connection);
  shares_.Remove(connection->peer().ip());
  poller_.Dispose(self.mapped());
}

TcpConnection::TcpConnection(TcpListener& owner, int fd, const SocketAddress& peer,
                             uint64_t number)
    : owner_(owner), fd_(fd), peer_(peer), number_(number) {}

TcpConnection::~TcpConnection() {
  if (fd_ < 0) return;
  owner_.poller_.SetDue(*this, kNever);
  owner_.poller_.Close(fd_);
}

void TcpConnection::Start() {
  watched_ = EPOLLIN;
  owner_.poller_.Watch(fd_, watched_, *this);
  owner_.poller_.SetDue(*this, owner_.poller_.now() + owner_.limits_.idle_timeout);
}

bool TcpConnection::MayRead() const {
  return !ended_ && pending_ < owner_.limits_.pending_max &&
         out_.size() - out_sent_ < owner_.limits_.unsent_bytes_max;
}

void TcpConnection::OnReady(uint32_t events) {
  if (fd_ < 0) return;
  if ((events & EPOLLERR) != 0) return Close();
  if ((events & EPOLLOUT) != 0) Flush();
  if (fd_ >= 0 && (events & (EPOLLIN | EPOLLHUP)) != 0 && MayRead()) Receive();
  if (fd_ >= 0) Settle();
}

void TcpConnection::Receive() {
  const size_t before = in_.size();
  in_.resize(before + kReadBytes);
  const ssize_t bytes = recv(fd_, in_.data() + before, kReadBytes, 0);
  in_.resize(before + std::max<ssize_t>(bytes, 0));
  if (bytes < 0) {
    if (errno != EAGAIN && errno != EINTR) Close();
    return;
  }
  ended_ = bytes == 0;
}

void TcpConnection::HandleReceived() {
  size_t at = 0;
  const auto self = shared_from_this();
  while (fd_ >= 0 && pending_ < owner_.limits_.pending_max && in_.size() - at >= 2 &&
         out_.size() - out_sent_ < owner_.limits_.unsent_bytes_max) {
    const size_t length = Get16(in_, at);
    if (in_.size() - at - 2 < length) break;
    const Bytes query = Bytes(in_).subspan(at + 2, length);
    at += 2 + length;
    bool later = false;
    // Counted before, since the answer may be there before `handle_` returns.
    ++pending_;
    const Bytes reply = owner_.handle_(query, self, owner_.reply_space_, &later);
    if (later) continue;
    --pending_;
    // Whoever sends what is no query speaks another protocol.
    if (reply.empty()) return Close();
    Append(reply);
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
  if (in_.empty() && in_.capacity() > kReadBytes) in_.shrink_to_fit();
}

void TcpConnection::Append(Bytes reply) {
  const uint8_t length[2] = {static_cast<uint8_t>(reply.size() >> 8),
                             static_cast<uint8_t>(reply.size())};
  out_.insert(out_.end(), length, length + 2);
  out_.insert(out_.end(), reply.begin(), reply.end());
}

void TcpConnection::Send(Bytes reply) {
  if (fd_ < 0) return;
  --pending_;
  // A hundred long replies to each of many that read none of them would be gigabytes.
  if (out_.size() - out_sent_ > 2 * owner_.limits_.unsent_bytes_max) return Close();
  Append(reply);
  // While a read of this connection is handled, that goes on to Settle itself.
  if (!settling_) Settle();
}

void TcpConnection::Flush() {
  while (out_sent_ < out_.size()) {
    const ssize_t sent = send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) return Close();
      return DropSent();
    }
    out_sent_ += static_cast<size_t>(sent);
  }
  out_.clear();
  if (out_.capacity() > kReadBytes) out_.shrink_to_fit();
  out_sent_ = 0;
}

// A client that always leaves something to be sent would have all be kept that ever was.
void TcpConnection::DropSent() {
  if (out_sent_ < owner_.limits_.unsent_bytes_max) return;
  out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(out_sent_));
  out_sent_ = 0;
}

void TcpConnection::Settle() {
  settling_ = true;
  HandleReceived();
  settling_ = false;
  if (fd_ >= 0) Flush();
  if (fd_ < 0) return;
  if (ended_ && pending_ == 0 && out_.empty()) return Close();
  uint32_t wanted = 0;
  if (MayRead()) wanted |= EPOLLIN;
  if (!out_.empty()) wanted |= EPOLLOUT;
  if (wanted != watched_) {
    watched_ = wanted;
    owner_.poller_.Change(fd_, watched_, *this);
  }
  // Who does not take answers is idle as well.
  const bool waits_for_us = pending_ > 0 && out_.empty();
  owner_.poller_.SetDue(*this,
                        waits_for_us ? kNever : owner_.poller_.now() + owner_.limits_.idle_timeout);
}

void TcpConnection::Close() {
  owner_.poller_.Close(fd_);
  fd_ = -1;
  owner_.Forget(this);
}

}  // namespace skiff::dns
